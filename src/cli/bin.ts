#!/usr/bin/env node
import { main } from './main';

/** `flamingo-web` as it is installed. Dawn and wasm threads keep a process alive; everything has been written when main returns. */
process.exit(await main(process.argv.slice(2)));
