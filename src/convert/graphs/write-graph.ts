import { FlamingoError } from '../../core/errors';
import { encodeModel } from '../../format/onnx/encode';
import { ONNX_BYTES, type OnnxTensor } from '../../format/onnx/model';
import type { GraphPlan, WeightSlot } from './graph-builder';

export const OPSET = 20;

/** A data file is not made larger than this; a single larger tensor has a file of its own. */
const MAX_DATA_BYTES = 256 * 1024 * 1024;
const ALIGN = 256;

/** Where converted files go. Pieces of one file come in order. */
export interface FileSink {
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** Bytes of one weight, in pieces, exactly as long as its slot. */
export type WeightPieces = (slot: WeightSlot) => AsyncIterable<Uint8Array>;

/**
 * Writes `<name>.onnx.data-00001` … and then `<name>.onnx`. Only one piece of one tensor is in memory at a time. Tensors are aligned to 256 bytes.
 * Throws `internal` when a weight has another length than its slot.
 */
export async function writeGraph(plan: GraphPlan, pieces: WeightPieces, sink: FileSink): Promise<void> {
  const layout = layOut(plan);
  const initializers: OnnxTensor[] = [...plan.constants];
  let file = '';
  let at = 0;
  for (const { slot, location, offset, length } of layout) {
    if (location !== file) [file, at] = [location, 0];
    if (offset > at) await sink.write(location, new Uint8Array(offset - at));
    let written = 0;
    for await (const piece of pieces(slot)) {
      written += piece.byteLength;
      await sink.write(location, piece);
    }
    if (written !== length)
      throw new FlamingoError('internal', `${slot.name}: ${written} bytes were written, its slot has ${length}.`);
    at = offset + length;
    initializers.push({ ...slot, data: { kind: 'external', location, offset, length } });
  }
  const { name, inputs, outputs, nodes } = plan;
  await sink.write(`${name}.onnx`, encodeModel({ name, opset: OPSET, inputs, outputs, nodes, initializers }));
}

/** The graph with its weights inside, for tests and benchmarks. */
export function inlineGraph(plan: GraphPlan, bytes: (slot: WeightSlot) => Uint8Array): Uint8Array {
  const weights = plan.weights.map((slot): OnnxTensor => ({ ...slot, data: { kind: 'inline', bytes: bytes(slot) } }));
  return encodeModel({ ...plan, opset: OPSET, initializers: [...plan.constants, ...weights] });
}

function layOut(plan: GraphPlan) {
  let index = 0;
  let end = Number.POSITIVE_INFINITY;
  return plan.weights.map((slot) => {
    const length = slot.shape.reduce((a, b) => a * b, 1) * ONNX_BYTES[slot.type];
    let offset = Math.ceil(end / ALIGN) * ALIGN;
    if (offset + length > MAX_DATA_BYTES) {
      index++;
      offset = 0;
    }
    end = offset + length;
    return { slot, location: `${plan.name}.onnx.data-${String(index).padStart(5, '0')}`, offset, length };
  });
}
