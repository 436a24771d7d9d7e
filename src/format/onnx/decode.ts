import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FlamingoError } from '../../core/errors';
import { elementCount } from '../tensor-source';
import { ONNX_BYTES, ONNX_TYPE, type OnnxTensor, type OnnxType, type OnnxValue, type TensorData } from './model';

const TYPE_NAMES = new Map(Object.entries(ONNX_TYPE).map(([name, code]) => [code as number, name as OnnxType]));

/** An input or output as the file declares it; a free dimension is its name, or ''. The type is undefined where packages do not use it. */
export type DeclaredValue = Omit<OnnxValue, 'type'> & { type: OnnxType | undefined };

/** What the engine, the converter and `inspect` need of a graph file: initializers by name, inputs and outputs, operators used. */
export interface OnnxSummary {
  initializers: Map<string, OnnxTensor>;
  inputs: DeclaredValue[];
  outputs: DeclaredValue[];
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
    else if (field === 11) summary.inputs.push(decodeValue(inner.bytes()));
    else if (field === 12) summary.outputs.push(decodeValue(inner.bytes()));
    else return false;
    return true;
  });
}

/** ValueInfoProto { name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1 | dim_param = 2 } } } } }. */
function decodeValue(bytes: Uint8Array): DeclaredValue {
  const value: DeclaredValue = { name: '', type: undefined, shape: [] };
  const dimension = (reader: BinaryReader) => {
    let size: number | string = '';
    eachField(reader, (field, inner) => {
      if (field === 1) size = Number(inner.int64());
      else if (field === 2) size = inner.string();
      else return false;
      return true;
    });
    value.shape.push(size);
  };
  const inside = (wanted: number, then: (reader: BinaryReader) => void) => (reader: BinaryReader) =>
    eachField(reader, (field, inner) => {
      if (field !== wanted) return false;
      then(new BinaryReader(inner.bytes()));
      return true;
    });
  const tensor = (reader: BinaryReader) =>
    eachField(reader, (field, inner) => {
      if (field === 1) value.type = TYPE_NAMES.get(inner.int32());
      else if (field === 2) inside(1, dimension)(new BinaryReader(inner.bytes()));
      else return false;
      return true;
    });
  eachField(new BinaryReader(bytes), (field, reader) => {
    if (field === 1) value.name = reader.string();
    else if (field === 2) inside(1, tensor)(new BinaryReader(reader.bytes()));
    else return false;
    return true;
  });
  return value;
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
