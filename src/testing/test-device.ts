import { dawnGpu } from '../gpu/dawn-node';
import { type GpuDevice, openDevice } from '../gpu/device';

interface Shared {
  flamingoTestDevices?: Map<string, GpuDevice>;
}

/** One device per feature set for all GPU tests of a run, kept on globalThis (see gpu/dawn-node). */
export async function testDevice(features: { f16: boolean; subgroups: boolean }): Promise<GpuDevice> {
  const shared = globalThis as Shared;
  shared.flamingoTestDevices ??= new Map();
  const name = JSON.stringify(features);
  const known = shared.flamingoTestDevices.get(name);
  if (known) return known;
  const device = await openDevice(await dawnGpu(), features);
  shared.flamingoTestDevices.set(name, device);
  return device;
}

/** What the driver under test can do: each lane that a kernel is tested in. */
export async function testLanes(): Promise<{ name: string; f16: boolean; subgroups: boolean }[]> {
  const best = await testDevice({ f16: true, subgroups: true });
  const lanes = [{ name: 'plain', f16: false, subgroups: false }];
  if (best.subgroups) lanes.push({ name: 'subgroups', f16: false, subgroups: true });
  if (best.f16) lanes.push({ name: 'f16', f16: true, subgroups: best.subgroups });
  return lanes;
}
