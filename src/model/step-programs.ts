import { Program } from '../gpu/program';
import type { Recording } from '../gpu/recording';
import { StepBuffer } from '../gpu/step-buffer';
import { type EngineParts, stepInputs } from './parts';
import type { KeyValueCache } from './self-attention';
import { dryStep, modeInputs, recordStep, type StepMode } from './step';

export interface StepProgram {
  program: Program;
  recording: Recording;
}

/** The programs of one sequence, made when first needed and again when the media cache has moved. */
export class StepPrograms implements Disposable {
  private readonly made = new Map<string, { version: number; step: StepBuffer; ready: Promise<StepProgram> }>();

  constructor(
    private readonly parts: EngineParts,
    private readonly caches: readonly KeyValueCache[],
    private readonly capacity: number,
  ) {}

  /** Resolves to a program bound to the media cache as it is at that moment. */
  async get(mode: StepMode): Promise<StepProgram> {
    for (;;) {
      const { version } = this.parts.media;
      const program = await this.find(mode, version);
      if (version === this.parts.media.version) return program;
    }
  }

  [Symbol.dispose](): void {
    for (const { step } of this.made.values()) step[Symbol.dispose]();
    this.made.clear();
  }

  private find(mode: StepMode, version: number): Promise<StepProgram> {
    const name = JSON.stringify(mode);
    const known = this.made.get(name);
    if (known?.version === version) return known.ready;
    known?.step[Symbol.dispose]();
    const entry = this.make(mode);
    this.made.set(name, { version, ...entry });
    return entry.ready;
  }

  private make(mode: StepMode): { step: StepBuffer; ready: Promise<StepProgram> } {
    const { gpu, elem, config } = this.parts;
    const label = mode.single ? 'decode' : 'prefill';
    // Recording is cheap and pure: a dry run tells how many params the step buffer holds.
    const inputs = { ...stepInputs(config), ...modeInputs(mode, config) };
    const step = new StepBuffer(gpu, `step ${label}`, inputs, dryStep(this.parts, mode).dispatches.length);
    const { caches, capacity } = this;
    const recording = recordStep(this.parts, mode, { caches, capacity, input: (name) => step.input(name) });
    const ready = Program.create(gpu, label, recording, step, elem).then((program) => ({ program, recording }));
    return { step, ready };
  }
}
