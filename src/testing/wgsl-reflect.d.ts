// The package's `main` is CommonJS in a package of type "module", which Node cannot load; its ES module has no types of its own.
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export * from 'wgsl_reflect';
}
