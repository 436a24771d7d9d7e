import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FlamingoError } from '../../core/errors';
import { elementCount } from '../tensor-source';
import { ONNX_BYTES, ONNX_TYPE, type OnnxTensor, type OnnxType, type TensorData } from './model';

const TYPE_NAMES = new Map(Object.entries(ONNX_TYPE).map(([name, code]) => [code as number, name as OnnxType]));

/** What the engine and `inspect` need of a graph file: initializers by name, names of inputs and outputs, operators used. */
export interface OnnxSummary {
  initializers: Map<string, OnnxTensor>;
  inputs: string[];
  outputs: string[];
  operators: Set<string>;
}

/**
 * Reads a ModelProto; unknown fields are skipped. Throws `bad-file` when it is not one, when a name is given twice, or when the bytes of an initializer do
 * not fit its shape.
 */
export function decodeModel(file: string, bytes: Uint8Array): OnnxSummary {
  const summary: OnnxSummary = { initializers: new Map(), inputs: [], outputs: [], operators: new Set() };
  let graphs = 0;
  try {
    eachField(new BinaryReader(bytes), (field, reader) => {
      if (field !== 7) return false;
      graphs++;
      decodeGraph(file, new BinaryReader(reader.bytes()), summary);
      return true;
    });
  } catch (cause) {
    if (cause instanceof FlamingoError) throw cause;
    throw damaged(file, (cause as Error).message);
  }
  if (graphs !== 1) throw damaged(file, `it holds ${graphs} graphs, 1 is expected`);
  return summary;
}

function decodeGraph(file: string, reader: BinaryReader, summary: OnnxSummary): void {
  eachField(reader, (field, inner) => {
    if (field === 1) summary.operators.add(firstText(inner.bytes(), 4));
    else if (field === 5) addInitializer(file, decodeTensor(file, inner.bytes()), summary);
    else if (field === 11) summary.inputs.push(firstText(inner.bytes(), 1));
    else if (field === 12) summary.outputs.push(firstText(inner.bytes(), 1));
    else return false;
    return true;
  });
}

function addInitializer(file: string, tensor: OnnxTensor, { initializers }: OnnxSummary): void {
  if (initializers.has(tensor.name)) throw damaged(file, `the initializer ${tensor.name} is there twice`);
  initializers.set(tensor.name, tensor);
}

function decodeTensor(file: string, bytes: Uint8Array): OnnxTensor {
  const shape: number[] = [];
  const external = new Map<string, string>();
  let [name, code, raw] = ['', 0, new Uint8Array()];
  eachField(new BinaryReader(bytes), (field, reader, wireType) => {
    if (field === 1) readDimensions(reader, wireType, shape);
    else if (field === 2) code = reader.int32();
    else if (field === 8) name = reader.string();
    else if (field === 9) raw = reader.bytes() as Uint8Array<ArrayBuffer>;
    else if (field === 13) external.set(...keyValue(reader.bytes()));
    else return false;
    return true;
  });
  const type = TYPE_NAMES.get(code);
  if (!type) throw damaged(file, `the initializer ${name} has the element type ${code}`);
  const data: TensorData = external.size > 0 ? externalData(file, name, external) : { kind: 'inline', bytes: raw };
  const expected = elementCount(file, name, shape) * ONNX_BYTES[type];
  const got = data.kind === 'inline' ? data.bytes.byteLength : data.length;
  // Small constants may use typed fields instead of raw bytes; those are not weights.
  if (got !== expected && !(data.kind === 'inline' && got === 0)) {
    throw damaged(file, `the initializer ${name} [${shape.join(', ')}] needs ${expected} bytes, it has ${got}`);
  }
  return { name, type, shape, data };
}

function externalData(file: string, name: string, entries: Map<string, string>): TensorData {
  const location = entries.get('location') ?? '';
  const [offset, length] = [Number(entries.get('offset') ?? 0), Number(entries.get('length'))];
  const sound =
    /^[\w.-]+$/.test(location) &&
    Number.isSafeInteger(offset) &&
    offset >= 0 &&
    Number.isSafeInteger(length) &&
    length >= 0;
  if (!sound)
    throw damaged(
      file,
      `the initializer ${name} lies at ${location}, bytes ${entries.get('offset')} + ${entries.get('length')}`,
    );
  return { kind: 'external', location, offset, length };
}

function readDimensions(reader: BinaryReader, wireType: number, shape: number[]): void {
  if (wireType !== 2) {
    shape.push(Number(reader.int64()));
    return;
  }
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len) shape.push(Number(packed.int64()));
}

function keyValue(bytes: Uint8Array): [string, string] {
  return [firstText(bytes, 1), firstText(bytes, 2)];
}

function firstText(bytes: Uint8Array, wanted: number): string {
  let text = '';
  eachField(new BinaryReader(bytes), (field, reader) => {
    if (field !== wanted) return false;
    text = reader.string();
    return true;
  });
  return text;
}

/** Calls `take` for every field; a field it leaves is skipped. */
function eachField(
  reader: BinaryReader,
  take: (field: number, reader: BinaryReader, wireType: number) => boolean,
): void {
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!take(field, reader, wireType)) reader.skip(wireType, field);
  }
}

function damaged(file: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${file} is not a sound ONNX graph: ${what}.`, {
    hint: 'Convert the model again, or get the package again.',
    details: { file },
  });
}
