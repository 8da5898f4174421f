import { Code, SwillError } from './errors.js';
import type { Handler, Serving } from './handlers.js';
import { stringify } from './json.js';
import type { Limits } from './limits.js';

/** The members that an object of JSON-RPC may have. */
export interface RpcObject {
  readonly jsonrpc?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Codes of JSON-RPC, and that of the Language Server Protocol for what was cancelled. */
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const CANCELLED = -32800;

/** A request that a handler works on. */
interface Running {
  /** Says that it was cancelled. */
  readonly cancel: () => void;
}

/** An answer, or `undefined` for none. */
type Answer = (answer: object | undefined) => void;

/** What a client serves to its server, on one connection. */
export class RpcServer {
  #running = new Map<string, Running>();
  /** Handlers at work, those that were cancelled and those of notifications included. */
  #working = new Set<AbortController>();
  #stopped = false;

  constructor(
    private readonly serving: Serving,
    private readonly limits: Limits,
    private readonly send: (text: string) => void,
  ) {}

  /** Takes a message that is no response. */
  receive(message: unknown): void {
    this.#begin(message, (answer) => {
      if (answer !== undefined) this.#answer(this.#write(answer, message));
    });
  }

  /** Takes the elements of a batch; their answers go out together. */
  receiveBatch(messages: readonly unknown[]): void {
    const answers: string[] = [];
    let left = messages.length;
    for (const message of messages) {
      this.#begin(message, (answer) => {
        if (answer !== undefined) answers.push(this.#write(answer, message));
        if (--left === 0 && answers.length > 0) this.#answer(`[${answers.join(',')}]`);
      });
    }
  }

  /** The connection is gone. */
  stop(): void {
    this.#stopped = true;
    for (const abort of this.#working) abort.abort();
    this.#running.clear();
  }

  #begin(message: unknown, answer: Answer): void {
    // A connection that is being closed serves nobody.
    if (this.#stopped) return;
    if (typeof message !== 'object' || message === null || Array.isArray(message))
      return answer(invalid(null));
    const { jsonrpc, method, params, id } = message as RpcObject;
    const wanted = 'id' in message;
    if (wanted && !isId(id)) return answer(invalid(null));
    if (jsonrpc !== '2.0' || typeof method !== 'string') return answer(invalid(wanted ? id : null));
    if (method === '$/cancelRequest' && !wanted) {
      this.#cancel(params);
      return answer(undefined);
    }
    const handler = this.serving.find(method);
    const refusal = this.#refusal(handler, params);
    if (refusal !== undefined) return answer(wanted ? { jsonrpc: '2.0', error: refusal, id } : undefined);
    void this.#run(method, handler as Handler, params, wanted ? { id } : undefined, answer);
  }

  #refusal(handler: Handler | undefined, params: unknown): object | undefined {
    if (handler === undefined) return { code: METHOD_NOT_FOUND, message: 'Method not found' };
    if (params !== undefined && params !== null && typeof params !== 'object') {
      return { code: INVALID_PARAMS, message: 'Invalid params' };
    }
    if (this.#working.size >= this.limits.serving) {
      return { code: Code.TOO_MANY, message: 'too many calls at once; try again later' };
    }
    return undefined;
  }

  async #run(
    name: string,
    handler: Handler,
    params: unknown,
    request: { id: unknown } | undefined,
    answer: Answer,
  ): Promise<void> {
    const abort = new AbortController();
    const key = request === undefined ? undefined : idKey(request.id);
    let answered = false;
    const once: Answer = (message) => {
      if (answered) return;
      answered = true;
      answer(
        request === undefined || message === undefined
          ? undefined
          : { jsonrpc: '2.0', ...message, ...request },
      );
    };
    const running: Running = {
      cancel: () => {
        once({ error: { code: CANCELLED, message: 'Request cancelled' } });
        abort.abort();
      },
    };
    if (key !== undefined) this.#running.set(key, running);
    this.#working.add(abort);
    try {
      const result = await handler(params ?? undefined, this.serving.peer(abort.signal));
      if (typeof result === 'function' || typeof result === 'symbol') {
        throw new TypeError(`a ${typeof result} is no answer`);
      }
      once({ result: result ?? null });
    } catch (error) {
      if (!abort.signal.aborted && !(error instanceof SwillError)) this.serving.failed(name, error);
      once({ error: told(error) });
    } finally {
      this.#working.delete(abort);
      if (key !== undefined && this.#running.get(key) === running) this.#running.delete(key);
    }
  }

  #cancel(params: unknown): void {
    const { id } = (params ?? {}) as RpcObject;
    const key = isId(id) ? idKey(id) : '';
    const running = this.#running.get(key);
    if (running === undefined) return;
    this.#running.delete(key);
    running.cancel();
  }

  /** An answer as text. One that cannot be written, or is too large, is an error of its own. */
  #write(answer: object, message: unknown): string {
    const name = String((message as RpcObject | null)?.method ?? '');
    let text: string;
    try {
      text = stringify(answer);
      if (text.length <= this.limits.request) return text;
      this.serving.failed(name, new Error(`an answer of ${text.length} bytes exceeds \`limits.request\``));
    } catch (error) {
      this.serving.failed(name, error);
    }
    const { id } = answer as RpcObject;
    return stringify({ jsonrpc: '2.0', error: { code: INTERNAL_ERROR, message: 'Internal error' }, id });
  }

  #answer(text: string): void {
    if (!this.#stopped) this.send(text);
  }
}

/** What the server is told of what a handler has thrown. */
function told(error: unknown): object {
  if (!(error instanceof SwillError)) return { code: INTERNAL_ERROR, message: 'Internal error' };
  const { data } = error;
  if (error.code === Code.INVALID) return { code: INVALID_PARAMS, message: 'Invalid params', data };
  return { code: error.code, message: error.message, data };
}

export function invalid(id: unknown): object {
  return { jsonrpc: '2.0', error: { code: INVALID_REQUEST, message: 'Invalid Request' }, id };
}

function isId(id: unknown): boolean {
  return id === null || typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint';
}

/** An id as it is written: a number and a text that look alike are two. */
function idKey(id: unknown): string {
  return `${typeof id}:${String(id)}`;
}
