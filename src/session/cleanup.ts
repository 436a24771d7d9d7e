/** Disposes of what was made, last first. Node 20 has no AsyncDisposableStack. */
export class Cleanup {
  private readonly made: (Disposable | AsyncDisposable)[] = [];

  use<T extends Disposable | AsyncDisposable>(thing: T): T {
    this.made.push(thing);
    return thing;
  }

  async run(): Promise<void> {
    for (let thing = this.made.pop(); thing; thing = this.made.pop()) {
      if (Symbol.asyncDispose in thing) await thing[Symbol.asyncDispose]();
      else thing[Symbol.dispose]();
    }
  }
}
