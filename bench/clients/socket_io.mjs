// Calls `add` with socket.io-client: an event with an acknowledgement. See README.md.
import { io } from 'socket.io-client';
import { measure, url } from './measure.mjs';

const socket = io(new URL('/', url).href, { transports: ['websocket'], reconnection: false });
await new Promise((resolve) => socket.once('connect', resolve));
await measure('socket.io', (a, b) => socket.emitWithAck('add', a, b));
socket.disconnect();
