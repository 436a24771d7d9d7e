"""Curves of a run: a list of records as JSON, and the same as a plain SVG."""
import json

COLOURS = ["#1b6ca8", "#c8553d", "#588157", "#8e5572", "#e09f3e", "#4a4e69", "#2a9d8f", "#9b2226"]


def panel(title, series, x0, y0, w, h, top):
    """series: {name: [(step, value)]}; values from 0 to top."""
    last = max((s for points in series.values() for s, _ in points), default=1) or 1
    out = [f'<rect x="{x0}" y="{y0}" width="{w}" height="{h}" fill="none" stroke="#999"/>', f'<text x="{x0}" y="{y0 - 6}" font-weight="bold">{title}</text>',
           f'<text x="{x0 - 4}" y="{y0 + 10}" text-anchor="end">{top:g}</text><text x="{x0 - 4}" y="{y0 + h}" text-anchor="end">0</text><text x="{x0 + w}" y="{y0 + h + 14}" text-anchor="end">{last} steps</text>']
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        line = " ".join(f"{x0 + w * s / last:.1f},{y0 + h - h * min(v, top) / top:.1f}" for s, v in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/><text x="{x0 + w + 8}" y="{y0 + 12 + 15 * i}" fill="{colour}">{name}</text>')
    return "\n".join(out)


def write(records, path):
    """path without ending: PATH.json and PATH.svg. Records hold {"step", "loss": {task: v}, "right": {task: v}, "few_shot": {...}}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(records, indent=0))
    groups = {k: {} for k in ("loss", "right", "few_shot")}
    for r in records:
        for k, series in groups.items():
            for name, value in r.get(k, {}).items():
                series.setdefault(name, []).append((r["step"], value))
    parts = [panel("loss of the answers", groups["loss"], 50, 30, 480, 200, 6), panel("answers wholly right, while training (teacher-forced)", groups["right"], 50, 280, 480, 200, 1),
             panel("few-shot accuracy on classes never trained on", groups["few_shot"], 50, 530, 480, 200, 1)]
    path.with_suffix(".svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="760" height="760" font-family="sans-serif" font-size="12"><rect width="760" height="760" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")
