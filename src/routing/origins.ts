/** The list of pages that may connect, by WebSocket and over HTTP, as an application writes it. */

/**
 * Origins whose pages may open WebSockets, read answers over HTTP and send requests (CORS), beside the
 * server's own: a list (`https://app.example`, `https://*.example.com`), `'*'` for all, or a function, which
 * is also asked about `null`, the origin of sandboxed frames and of files. Over HTTP the pages of a list and
 * of a function may send cookies, and what else a browser sends for its visitor (`Authorization: Basic`);
 * those that only `'*'` lets in may not.
 */
export type Origins = '*' | readonly string[] | ((origin: string) => boolean)

const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/(?:\*\.)?[^\s/?#@\\*]+\/?$/i

/** @throws {TypeError} naming an entry that could never match, and where it stands. */
export function checkOrigins(origins: Origins | undefined, where: string): void {
  if (origins === undefined || origins === '*' || typeof origins === 'function') return
  for (const origin of origins) {
    if (ORIGIN.test(origin) && URL.canParse(origin.replace('//*.', '//'))) continue
    throw new TypeError(
      `${where}: "${origin}" is no origin, which looks like https://app.example or https://*.example.com`,
    )
  }
}
