/** The part of ONNX that packages use. Field numbers and enums are onnx.proto's, version IR 10. */

export const ONNX_TYPE = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9, f16: 10 } as const;
export type OnnxType = keyof typeof ONNX_TYPE;
export const ONNX_BYTES: Record<OnnxType, number> = { f32: 4, u8: 1, i8: 1, i32: 4, i64: 8, bool: 1, f16: 2 };

/** Where the bytes of an initializer are: in the graph file, or in a file beside it. */
export type TensorData =
  | { kind: 'inline'; bytes: Uint8Array }
  | { kind: 'external'; location: string; offset: number; length: number };

export interface OnnxTensor {
  name: string;
  type: OnnxType;
  shape: number[];
  data: TensorData;
}

export type Attribute = number | { float: number } | string | number[] | OnnxTensor;

export interface OnnxNode {
  op: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
  /** '' for the standard operators. */
  domain: string;
}

/** A graph input or output; a text dimension is a free one. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  shape: (number | string)[];
}

export interface OnnxModel {
  name: string;
  opset: number;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
}
