/** Node 20 has no JSPI, so the plain wasm build runs there. Its files lie beside the module. */
export async function loadOrt(): Promise<typeof import('onnxruntime-web')> {
  return (await import('onnxruntime-web/wasm')) as unknown as typeof import('onnxruntime-web');
}
