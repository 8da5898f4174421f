/** Close codes and error codes in words (RFC 6455, section 7.4; the codes of Swill). */

const CLOSES: Record<number, string> = {
  1000: 'the conversation was ended properly',
  1001: 'the server is going away',
  1002: 'one side broke the rules of WebSocket',
  1003: 'one side got a kind of message that it does not take',
  1005: 'the connection was closed without a reason',
  1006: 'the connection broke, or could not be opened',
  1007: 'a text was not valid UTF-8',
  1008: 'a rule of the server was broken',
  1009: 'a message was too large',
  1010: 'an extension is missing',
  1011: 'the server failed',
  1012: 'the server is starting again',
  1013: 'the server has too much to do',
  1014: 'a gateway got a bad answer',
  1015: 'the TLS handshake failed',
  4008: 'this page read too slowly',
};

/** A close code in words. */
export function closeWords(code: number): string {
  const known = CLOSES[code];
  if (known !== undefined) return known;
  if (code >= 4000) return 'the app ended the connection with a code of its own';
  return code >= 3000 ? 'a library ended the connection with a code of its own' : 'a code that is not known';
}

const CODES: Record<number, string> = {
  400: 'the request makes no sense',
  401: 'the server does not know who you are: set a token',
  403: 'you may not do this',
  404: 'there is no such procedure, or no such thing',
  409: 'it collides with the present state',
  413: 'the request or the answer is too large',
  422: 'the parameters do not fit',
  429: 'too many calls at once',
  499: 'the call was cancelled',
  500: 'something unexpected went wrong on the server',
  501: 'this protocol cannot carry the call',
  503: 'nobody can answer now',
  504: 'the deadline has passed',
  [-32700]: 'the server could not read the message',
  [-32600]: 'the message is no request',
  [-32601]: 'there is no such procedure',
  [-32602]: 'the parameters do not fit',
  [-32603]: 'something unexpected went wrong on the server',
  [-32800]: 'the call was cancelled',
};

/** A code of an error in words; empty for one of an app's own. */
export function codeWords(code: number): string {
  return CODES[code] ?? '';
}
