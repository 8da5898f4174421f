// Runs a program beside a server at port 8000 and prints its first line: in a network of its own, where the port is free.
import { lines } from './programs.js';
import { start } from './servers.js';

const [directory = '', file = ''] = process.argv.slice(2);
await start('conformance', '--addr', 8000);
console.log((await lines(directory, file, 1)).join());
