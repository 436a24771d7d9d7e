import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFlamingoError } from '../../core/errors';
import { decodeModel } from './decode';
import { encodeModel } from './encode';
import type { OnnxModel, OnnxTensor } from './model';

const weights: OnnxTensor = {
  name: 'w.weight',
  type: 'u8',
  shape: [3, 2, 16],
  data: { kind: 'external', location: 'g.onnx.data-00001', offset: 512, length: 96 },
};
const constant: OnnxTensor = {
  name: 'shape',
  type: 'i64',
  shape: [2],
  data: { kind: 'inline', bytes: new Uint8Array(new BigInt64Array([-1n, 7n]).buffer) },
};
const model: OnnxModel = {
  name: 'g',
  opset: 20,
  inputs: [{ name: 'x', type: 'f32', shape: ['N', 6] }],
  outputs: [{ name: 'y', type: 'f32', shape: [2, 7] }],
  nodes: [
    { op: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'], attributes: {}, domain: '' },
    {
      op: 'MatMulNBits',
      inputs: ['y', 'w.weight'],
      outputs: ['z'],
      attributes: { K: 7, scale: { float: 0.5 }, perm: [0, 1], mode: 'tanh', value: constant },
      domain: 'com.microsoft',
    },
  ],
  initializers: [constant, weights],
};

test('a written graph is read back: initializers, inputs, outputs, operators', () => {
  const read = decodeModel('g.onnx', encodeModel(model));
  expect([...read.initializers.values()]).toEqual([constant, weights]);
  expect(read).toMatchObject({ inputs: model.inputs, outputs: model.outputs });
  expect(read.operators).toEqual(new Set(['Reshape', 'MatMulNBits']));
});

test('the same model gives the same bytes', () => {
  expect(encodeModel(structuredClone(model))).toEqual(encodeModel(model));
});

test.each<[string, Partial<OnnxTensor>]>([
  ['fewer bytes than its shape', { shape: [4, 2, 16] }],
  ['a shape whose product is not exact', { shape: [2 ** 31, 2 ** 31, 2 ** 31] }],
  ['a place outside the folder', { data: { kind: 'external', location: '../g.data', offset: 0, length: 96 } }],
  ['a negative offset', { data: { kind: 'external', location: 'g.data', offset: -8, length: 96 } }],
  [
    'an offset beyond what numbers hold',
    { data: { kind: 'external', location: 'g.data', offset: 2 ** 60, length: 96 } },
  ],
])('an initializer with %s is refused', (_, change) => {
  const bytes = encodeModel({ ...model, initializers: [{ ...weights, ...change }] });
  expect(() => decodeModel('g.onnx', bytes)).toThrow(expect.objectContaining({ code: 'bad-file' }));
});

test('a name given twice, a second graph and no graph at all are refused', () => {
  const twice = encodeModel({ ...model, initializers: [weights, weights] });
  expect(() => decodeModel('g.onnx', twice)).toThrow(/w\.weight is there twice/);
  const bytes = encodeModel({ ...model, initializers: [] });
  expect(() => decodeModel('g.onnx', new Uint8Array([...bytes, ...bytes]))).toThrow(/2 graphs/);
  expect(() => decodeModel('g.onnx', new Uint8Array())).toThrow(/0 graphs/);
});

test('damaged bytes give bad-file or another sound graph, never anything else', () => {
  const bytes = encodeModel(model);
  const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(damage, fc.nat(bytes.length), (changes, length) => {
      const damaged = bytes.slice();
      for (const [at, value] of changes) damaged[at] = value;
      for (const candidate of [damaged, damaged.slice(0, length)]) {
        try {
          decodeModel('g.onnx', candidate);
        } catch (error) {
          expect(isFlamingoError(error) && error.code).toBe('bad-file');
        }
      }
    }),
    { numRuns: 2000 },
  );
});
