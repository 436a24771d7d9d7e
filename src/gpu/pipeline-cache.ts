import { FlamingoError } from '../core/errors';
import type { Kernel } from './kernel';
import { shaderSource } from './shader-source';

export interface PipelineKey {
  kernel: Kernel;
  overrides: Record<string, number>;
  elem: 'f32' | 'f16';
}

/** Compiles each (kernel, element type, overrides) once, asynchronously; started early, awaited late. */
export class PipelineCache {
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private readonly modules = new Map<string, GPUShaderModule>();

  constructor(
    private readonly device: GPUDevice,
    private readonly features: { f16: boolean; subgroups: boolean },
  ) {}

  /** The pipeline, compiling it if need be. Throws `internal` with the compiler's message. */
  get(key: PipelineKey): Promise<GPUComputePipeline> {
    const constants = { ...key.kernel.overrides, ...key.overrides };
    const name = `${key.kernel.id} ${key.elem} ${JSON.stringify(Object.entries(constants).sort())}`;
    let pipeline = this.pipelines.get(name);
    if (!pipeline) {
      pipeline = this.compile(key, constants, name);
      this.pipelines.set(name, pipeline);
    }
    return pipeline;
  }

  /** Group 0 of a kernel: its storage bindings in order, then the params uniform. */
  layout(kernel: Kernel): GPUBindGroupLayout {
    let layout = this.layouts.get(kernel.id);
    if (!layout) {
      const storage = Object.values(kernel.bindings).map((access, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
      }));
      const uniform = {
        binding: storage.length,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: 'uniform' as const },
      };
      layout = this.device.createBindGroupLayout({ label: kernel.id, entries: [...storage, uniform] });
      this.layouts.set(kernel.id, layout);
    }
    return layout;
  }

  private async compile(
    key: PipelineKey,
    constants: Record<string, number>,
    name: string,
  ): Promise<GPUComputePipeline> {
    try {
      return await this.device.createComputePipelineAsync({
        label: name,
        layout: this.device.createPipelineLayout({ label: name, bindGroupLayouts: [this.layout(key.kernel)] }),
        compute: { module: this.module(key), entryPoint: 'main', constants },
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FlamingoError('internal', `The shader ${name} did not compile: ${reason}`, { cause });
    }
  }

  private module({ kernel, elem }: PipelineKey): GPUShaderModule {
    const name = `${kernel.id} ${elem}`;
    let module = this.modules.get(name);
    if (!module) {
      module = this.device.createShaderModule({
        label: name,
        code: shaderSource(kernel.id, { elem, subgroups: this.features.subgroups }),
      });
      this.modules.set(name, module);
    }
    return module;
  }
}
