import { FlamingoError } from '../core/errors';
import { Ledger } from './ledger';
import { PipelineCache } from './pipeline-cache';
import { Profiler } from './profiler';

/** A negotiated device and everything that is shared by those who use it. */
export interface GpuDevice extends Disposable {
  readonly device: GPUDevice;
  readonly ledger: Ledger;
  readonly pipelines: PipelineCache;
  readonly counters: GpuCounters;
  /** Only where the device was opened for profiling. */
  readonly profiler: Profiler | undefined;
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** True for rasterisers on the CPU (SwiftShader, lavapipe, WARP). */
  readonly software: boolean;
  /** Vendor, architecture and description in words. */
  readonly adapter: string;
  /** Resolves once when the device is lost by itself; stays pending after dispose(). */
  readonly lost: Promise<FlamingoError>;
}

/** Work done on a device since it was opened. */
export interface GpuCounters {
  submits: number;
  dispatches: number;
  bindGroups: number;
}

export interface DeviceOptions {
  /** false: do not use shader-f16 even where it is there. */
  f16?: boolean;
  /** false: do not use subgroups even where they are there. */
  subgroups?: boolean;
  /** Time every dispatch, on a device that is slower for it. Throws `device` where the adapter has no `timestamp-query`. */
  profile?: boolean;
  /** Lower limits than the adapter's, for tests of small devices. */
  limits?: { maxBufferSize?: number; maxStorageBufferBindingSize?: number };
}

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/**
 * Asks for the adapter's own limits and the optional features that exist; requires none. `timestamp-query` is asked for in
 * profiling alone: it slows Metal about threefold (measured). Throws `device` when there is no adapter.
 */
export async function openDevice(gpu: GPU | undefined, options: DeviceOptions = {}): Promise<GpuDevice> {
  const adapter = await requestAdapter(gpu);
  const wanted: GPUFeatureName[] = [];
  const f16 = options.f16 !== false && adapter.features.has('shader-f16');
  const subgroups = options.subgroups !== false && adapter.features.has('subgroups');
  if (f16) wanted.push('shader-f16');
  if (subgroups) wanted.push('subgroups');
  if (options.profile) wanted.push(timestamps(adapter));
  const limits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({
    label: 'flamingo-web',
    requiredFeatures: wanted,
    requiredLimits: { ...limits, ...options.limits },
  });
  return wrapDevice(device, adapter.info, { f16, subgroups }, options.profile === true);
}

/** True when the browser offers a WebGPU adapter that is not a software rasteriser. */
export async function hasHardwareAdapter(gpu: GPU | undefined): Promise<boolean> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  return adapter ? !isSoftware(adapter.info) : false;
}

/** The page's or worker's WebGPU entry point; undefined where the browser has none. */
export function browserGpu(): GPU | undefined {
  return typeof navigator === 'undefined' ? undefined : navigator.gpu;
}

async function requestAdapter(gpu: GPU | undefined): Promise<GPUAdapter> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) return adapter;
  throw new FlamingoError('device', gpu ? 'WebGPU is here, but it offers no adapter.' : 'This browser has no WebGPU.', {
    hint: 'Use executor "wasm", or a browser with WebGPU (Chrome 113 or later with hardware acceleration on).',
  });
}

function timestamps({ features, info }: GPUAdapter): GPUFeatureName {
  if (features.has('timestamp-query')) return 'timestamp-query';
  throw new FlamingoError('device', `The GPU (${info.vendor} ${info.architecture}) gives no timestamps.`, {
    hint: 'Run without profiling, or on another GPU.',
  });
}

function wrapDevice(
  device: GPUDevice,
  info: GPUAdapterInfo,
  features: { f16: boolean; subgroups: boolean },
  profile: boolean,
): GpuDevice {
  let disposed = false;
  const lost = new Promise<FlamingoError>((resolve) => {
    device.lost.then(({ reason, message }) => {
      if (disposed) return;
      const hint = 'Reload the model; the conversation is kept.';
      resolve(
        new FlamingoError('device', `The GPU device was lost: ${message || reason}`, { hint, details: { reason } }),
      );
    });
  });
  return {
    device,
    ledger: new Ledger(device),
    pipelines: new PipelineCache(device, features),
    counters: { submits: 0, dispatches: 0, bindGroups: 0 },
    profiler: profile ? new Profiler(device) : undefined,
    ...features,
    software: isSoftware(info),
    adapter: [info.vendor, info.architecture, info.description].filter(Boolean).join(' ') || 'unnamed adapter',
    lost,
    [Symbol.dispose]() {
      disposed = true;
      device.destroy();
    },
  };
}

function isSoftware(info: GPUAdapterInfo): boolean {
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render|software/.test(words);
}
