import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Attribute, ONNX_TYPE, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from './model';

const IR_VERSION = 10;
const ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 };

/** Bytes of a ModelProto. Same model, same bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, 0).int64(IR_VERSION);
  writer.tag(2, 2).string('flamingo-web');
  message(writer, 7, (graph) => encodeGraph(graph, model));
  const domains = new Set(model.nodes.map((node) => node.domain));
  for (const domain of [...domains].filter(Boolean).sort()) encodeOpset(writer, domain, 1);
  encodeOpset(writer, '', model.opset);
  return writer.finish();
}

function encodeOpset(writer: BinaryWriter, domain: string, version: number): void {
  message(writer, 8, (opset) => {
    opset.tag(1, 2).string(domain);
    opset.tag(2, 0).int64(version);
  });
}

function encodeGraph(writer: BinaryWriter, model: OnnxModel): void {
  for (const node of model.nodes) message(writer, 1, (out) => encodeNode(out, node));
  writer.tag(2, 2).string(model.name);
  for (const tensor of model.initializers) message(writer, 5, (out) => encodeTensor(out, tensor));
  for (const value of model.inputs) message(writer, 11, (out) => encodeValue(out, value));
  for (const value of model.outputs) message(writer, 12, (out) => encodeValue(out, value));
}

function encodeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const input of node.inputs) writer.tag(1, 2).string(input);
  for (const output of node.outputs) writer.tag(2, 2).string(output);
  writer.tag(3, 2).string(node.outputs[0]);
  writer.tag(4, 2).string(node.op);
  for (const [name, value] of Object.entries(node.attributes))
    message(writer, 5, (out) => encodeAttribute(out, name, value));
  if (node.domain) writer.tag(7, 2).string(node.domain);
}

function encodeAttribute(writer: BinaryWriter, name: string, value: Attribute): void {
  const type = (code: number) => writer.tag(20, 0).int32(code);
  writer.tag(1, 2).string(name);
  if (typeof value === 'number') {
    writer.tag(3, 0).int64(value);
    type(ATTRIBUTE.int);
  } else if (typeof value === 'string') {
    writer.tag(4, 2).string(value);
    type(ATTRIBUTE.string);
  } else if (Array.isArray(value)) {
    for (const item of value) writer.tag(8, 0).int64(item);
    type(ATTRIBUTE.ints);
  } else if ('float' in value) {
    writer.tag(2, 5).float(value.float);
    type(ATTRIBUTE.float);
  } else {
    message(writer, 5, (out) => encodeTensor(out, value));
    type(ATTRIBUTE.tensor);
  }
}

function encodeTensor(writer: BinaryWriter, { name, type, shape, data }: OnnxTensor): void {
  for (const size of shape) writer.tag(1, 0).int64(size);
  writer.tag(2, 0).int32(ONNX_TYPE[type]);
  if (name) writer.tag(8, 2).string(name);
  if (data.kind === 'inline') {
    writer.tag(9, 2).bytes(data.bytes);
    return;
  }
  for (const [key, value] of [
    ['location', data.location],
    ['offset', String(data.offset)],
    ['length', String(data.length)],
  ]) {
    message(writer, 13, (entry) => {
      entry.tag(1, 2).string(key);
      entry.tag(2, 2).string(value);
    });
  }
  writer.tag(14, 0).int32(1); // EXTERNAL
}

function encodeValue(writer: BinaryWriter, { name, type, shape }: OnnxValue): void {
  writer.tag(1, 2).string(name);
  message(writer, 2, (typeProto) =>
    message(typeProto, 1, (tensor) => {
      tensor.tag(1, 0).int32(ONNX_TYPE[type]);
      message(tensor, 2, (dims) => {
        for (const size of shape) {
          message(dims, 1, (dim) => {
            if (typeof size === 'number') dim.tag(1, 0).int64(size);
            else dim.tag(2, 2).string(size);
          });
        }
      });
    }),
  );
}

function message(writer: BinaryWriter, field: number, fill: (inner: BinaryWriter) => void): void {
  writer.tag(field, 2).fork();
  fill(writer);
  writer.join();
}
