import type { TensorInfo, TensorSource } from '../../format/tensor-source';

/** A checkpoint of published size: names and shapes as its authors' code writes them, every value 0, nothing in memory. */
export class ShapesOnly implements TensorSource {
  readonly tensors = new Map<string, TensorInfo>();

  constructor(readonly label: string) {}

  put(name: string, ...shape: number[]): void {
    this.tensors.set(name, { name, dtype: 'f16', shape, bytes: 0, file: this.label });
  }

  /** weight [rows, ...columns] and bias [rows]. */
  module(name: string, ...shape: number[]): void {
    this.put(`${name}.weight`, ...shape);
    this.put(`${name}.bias`, shape[0]);
  }

  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    return await this.readRows(name, 0, this.tensors.get(name)?.shape[0] ?? 1);
  }

  async readRows(name: string, start: number, end: number): Promise<Float32Array<ArrayBuffer>> {
    const row = this.tensors.get(name)!.shape.slice(1);
    return new Float32Array((end - start) * row.reduce((a, b) => a * b, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
