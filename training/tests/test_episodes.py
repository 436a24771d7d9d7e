"""Episodes: what may stand in one, what is never shown with it, and features of classes that nobody has seen."""
import random
import unittest
from types import SimpleNamespace

import torch

from flamingo_tiny import alike, cases, measure, settings, slots, tasks, train, visuals, worlds

CONFIG = settings.read(settings.ROOT / "config" / "tiny.json")
CLASSES, FILES, VARIANTS = 25, 4, 2


def photos(split):
    """Entries of 25 classes, 4 photos each, two variants of every photo."""
    return [{"source": "photo", "split": split, "concept": f"photo {c}", "file": f"{c}/{f}"} for c in range(CLASSES) for f in range(FILES) for _ in range(VARIANTS)]


def store(rows, learned=12, colour=5, places=3):
    """A FeatureStore of random features, without files."""
    out = visuals.FeatureStore.__new__(visuals.FeatureStore)
    torch.manual_seed(3)
    out.rows, out.learned, out.content = torch.randn(rows, 49, learned + colour + places).half(), learned, learned + colour
    out.mirror = torch.arange(49).view(7, 7).flip(1).flatten()
    return out


class Naming(unittest.TestCase):
    def test_a_query_is_never_among_its_shots(self):
        entries = photos("held")
        file = lambda visual: entries[visual[1]]["file"]
        for case in cases.namings(cases.Held(entries, ("held",), "photo", 2), 60, ways=4, shots=8):
            shots = [file(visual) for visual, *_ in case.shown]
            self.assertNotIn(file(case.query[0]), shots)
            self.assertEqual({shots.count(f) for f in shots}, {1})  # nor a variant of a shot beside it
            self.assertEqual(sorted({name for *_, name, _ in case.shown}), sorted(case.names))

    def test_flipping_hands_the_names_on(self):
        case = cases.namings(cases.Held(photos("held"), ("held",), "photo", 2), 1, ways=2, shots=4)[0]
        self.assertEqual(case.flipped().answer, 1 - case.answer)
        self.assertEqual([n for *_, n, _ in case.flipped().flipped().shown], [n for *_, n, _ in case.shown])

    def test_a_name_counts_from_its_second_picture_on(self):
        pictures, seen = worlds.Pictures(photos("train"), {}), set()
        world = SimpleNamespace(classes=lambda rng, ways, size: pictures.seen_classes(rng, ways, size, "photo"))
        for _, prompt, name, weight in tasks.naming(world, random.Random(1), {"ways": [3], "shots": [6, 6]}, 0.5):
            self.assertEqual((prompt, weight), (tasks.CAPTION, 1.0 if name in seen else tasks.UNSEEN))
            seen.add(name)

    def test_signs_are_those_of_the_episode(self):
        world = worlds.Pictures(photos("train"), {}, signed_share=1.0)
        drawn = [v for group in world.classes(random.Random(2), 4, 3, "photo") for v in group]
        self.assertEqual({(v[0], *v[2:]) for v in drawn}, {("signed", *drawn[0][2:])})


class Features(unittest.TestCase):
    def test_signs_keep_pictures_as_alike_as_they_were(self):
        s = store(6)
        plain, turned = s.batch([("row", r) for r in range(6)]), s.batch([("signed", ("row", r), 0.9, False) for r in range(6)])
        torch.testing.assert_close(*(x.flatten(1) @ x.flatten(1).T for x in (plain, turned)))
        self.assertFalse(torch.equal(plain, turned))

    def test_blind_episodes_change_colours_from_picture_to_picture(self):
        s = store(2)
        s.rows[1] = s.rows[0]
        one, other = s.batch([("signed", ("row", r), 0.9, True) for r in range(2)])
        self.assertTrue(torch.equal(one[:, :s.learned], other[:, :s.learned]) and torch.equal(one[:, s.content:], other[:, s.content:]))
        self.assertFalse(torch.equal(one[:, s.learned:s.content], other[:, s.learned:s.content]))

    def test_taught_latents_are_always_drawn(self):
        drawn = slots.subset(64, 24, torch.Generator().manual_seed(1)).tolist()
        self.assertEqual(drawn[:slots.TAUGHT], list(range(slots.TAUGHT)))
        self.assertEqual(len(set(drawn)), 24)


class Likeness(unittest.TestCase):
    def test_what_changes_with_the_style_alone_counts_less(self):
        """Drawings of concepts: channel 0 is the style, channels 1 to 11 the thing, all of the same size."""
        s = store(CLASSES * FILES * VARIANTS * 2, colour=0)
        entries = [dict(e, source=source, style=e["file"].split("/")[1]) for source in ("photo", "icon") for e in photos("train")]
        things = torch.randn(CLASSES, s.learned)
        for row, e in enumerate(entries):
            s.rows[row, :, :s.learned] = things[int(e["concept"].split()[1])] + 0.1 * torch.randn(s.learned)
            s.rows[row, :, 0] = 2.0 * int(e["style"])
        means, map = s.rows.float().mean(1), alike.Alike(s, worlds.Pictures(entries, {}).groups)
        one, same_other_style, other_same_style = 0, VARIANTS, FILES * VARIANTS
        near = lambda x, k: (x[one] - x[k]).norm().item()
        self.assertGreater(near(means, 3 * VARIANTS), near(means, other_same_style))  # by the features, the style decides
        told = map(means)
        self.assertLess(near(told, 3 * VARIANTS), near(told, other_same_style))
        self.assertLess(near(told, same_other_style), near(told, other_same_style))

    def test_pictures_of_held_classes_are_not_looked_at(self):
        entries = [dict(e, style="photo") for e in photos("train") + photos("held")]
        self.assertEqual(sum(len(g) for g in worlds.Pictures(entries, {}).groups["photo"]), CLASSES * FILES)


class Splits(unittest.TestCase):
    def test_reserved_validation_and_left_out_classes_do_not_meet(self):
        p = CONFIG["pictures"]
        lists = p["reserved_classes"], p["validation_classes"], p["left_out_classes"]
        self.assertEqual(len(set().union(*lists)), sum(map(len, lists)))

    def test_every_stage_starts_from_one_that_exists(self):
        for name, stage in CONFIG["stages"].items():
            self.assertTrue(stage.get("starts_from", name) in CONFIG["stages"] | CONFIG["means"], name)
            self.assertAlmostEqual(sum(stage["tasks"].values()), 1.0, delta=0.05, msg=name)


class Numbers(unittest.TestCase):
    def test_wilson_interval(self):  # Wilson 1927; values of statsmodels.proportion_confint(45, 50, method="wilson")
        self.assertEqual(measure.interval(45, 50), {"percent": 90.0, "low": 78.6, "high": 95.7, "n": 50})

    def test_rate_warms_up_and_falls_to_two_percent(self):
        s = {"steps": 100, "warmup": 10, "decay_share": 0.5, "learning_rate": 1.0}
        self.assertEqual([round(train.rate(step, s), 2) for step in (0, 9, 49, 99)], [0.1, 1.0, 1.0, 0.02])

    def test_what_is_told_of_the_variance(self):
        target = torch.randn(200, 3)
        self.assertAlmostEqual(slots.untold(target, target).item(), 0.0)
        self.assertAlmostEqual(slots.untold(target.mean(0).expand(200, -1), target).item(), 1.0, delta=0.02)


if __name__ == "__main__":
    unittest.main()
