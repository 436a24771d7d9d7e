import type { Attribute, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from '../../format/onnx/model';

/** A weight of the graph; its bytes are written to a data file by write-graph, not held here. */
export interface WeightSlot {
  name: string;
  type: OnnxType;
  shape: number[];
}

/** A graph without the bytes of its weights. */
export interface GraphPlan {
  name: string;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  nodes: OnnxNode[];
  /** Small tensors inside the graph file: shapes, indices, scalars. */
  constants: OnnxTensor[];
  weights: WeightSlot[];
}

/** Collects nodes; every method returns the name of what it makes, so that graphs read like formulas. */
export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly constants = new Map<string, OnnxTensor>();
  private readonly weights = new Map<string, WeightSlot>();
  private readonly inputs: OnnxValue[] = [];
  private readonly outputs: OnnxValue[] = [];

  constructor(private readonly name: string) {}

  input(name: string, type: OnnxType, shape: (number | string)[]): string {
    this.inputs.push({ name, type, shape });
    return name;
  }

  /** Gives a value the name and type of a graph output. */
  output(value: string, name: string, type: OnnxType, shape: (number | string)[]): void {
    this.outputs.push({ name, type, shape });
    this.nodes.push({ op: 'Identity', inputs: [value], outputs: [name], attributes: {}, domain: '' });
  }

  weight(name: string, type: OnnxType, shape: number[]): string {
    this.weights.set(name, { name, type, shape });
    return name;
  }

  op(op: string, inputs: string[], attributes: Record<string, Attribute> = {}, domain = ''): string {
    return this.ops(op, inputs, 1, attributes, domain)[0];
  }

  ops(op: string, inputs: string[], count: number, attributes: Record<string, Attribute> = {}, domain = ''): string[] {
    const outputs = Array.from({ length: count }, (_, i) => `${op}_${this.nodes.length}${count > 1 ? `_${i}` : ''}`);
    this.nodes.push({ op, inputs, outputs, attributes, domain });
    return outputs;
  }

  ints(values: number[], shape = [values.length]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.constant(`i64_${shape.join('x')}_${values.join('_')}`.replaceAll('-', 'm'), {
      type: 'i64',
      shape,
      data: { kind: 'inline', bytes },
    });
  }

  floats(values: number[], shape = [values.length]): string {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    return this.constant(`table_${this.constants.size}`, { type: 'f32', shape, data: { kind: 'inline', bytes } });
  }

  scalar(value: number): string {
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    return this.constant(`f32_${value}`, { type: 'f32', shape: [], data: { kind: 'inline', bytes } });
  }

  plan(): GraphPlan {
    return {
      name: this.name,
      inputs: this.inputs,
      outputs: this.outputs,
      nodes: this.nodes,
      constants: [...this.constants.values()],
      weights: [...this.weights.values()],
    };
  }

  // The operators that graphs are made of.
  add = (a: string, b: string) => this.op('Add', [a, b]);
  mul = (a: string, b: string) => this.op('Mul', [a, b]);
  sub = (a: string, b: string) => this.op('Sub', [a, b]);
  matmul = (a: string, b: string) => this.op('MatMul', [a, b]);
  softmax = (a: string) => this.op('Softmax', [a], { axis: -1 });
  concat = (values: string[], axis: number) => this.op('Concat', values, { axis });
  transpose = (a: string, perm: number[]) => this.op('Transpose', [a], { perm });
  reshape = (a: string, shape: string | number[]) =>
    this.op('Reshape', [a, typeof shape === 'string' ? shape : this.ints(shape)]);
  unsqueeze = (a: string, ...axes: number[]) => this.op('Unsqueeze', [a, this.ints(axes)]);
  gather = (a: string, index: string, axis = 0) => this.op('Gather', [a, index], { axis });
  cast = (a: string, type: 'f32' | 'i64' | 'bf16') => this.op('Cast', [a], { to: { f32: 1, i64: 7, bf16: 16 }[type] });
  split = (a: string, sizes: number[], axis: number) =>
    this.ops('Split', [a, this.ints(sizes)], sizes.length, { axis });
  /** Size of one axis, as a tensor [1]. */
  size = (a: string, axis: number) => this.op('Shape', [a], { start: axis, end: axis + 1 });
  /** 0, 1, … for a length given as tensor [1]. */
  range = (length: string) => this.op('Range', [this.ints([0], []), this.reshape(length, []), this.ints([1], [])]);

  private constant(name: string, tensor: Omit<OnnxTensor, 'name'>): string {
    if (!this.constants.has(name)) this.constants.set(name, { name, ...tensor });
    return name;
  }
}
