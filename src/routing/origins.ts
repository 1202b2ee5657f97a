/** The list of pages that may connect, by WebSocket and over HTTP, as an application writes it. */

/**
 * Origins, in addition to the server's own, whose pages may open WebSockets, read answers over HTTP and send
 * requests (CORS): a list (`https://app.example`, `https://*.example.com`), `'*'` for all, or a function. The
 * function is also called with `null`, the origin of sandboxed frames and of files. Over HTTP, pages that a
 * list or a function allows may send cookies and other credentials of their visitor (`Authorization: Basic`).
 * Pages that only `'*'` allows may not.
 */
export type Origins = '*' | readonly string[] | ((origin: string) => boolean)

const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/(?:\*\.)?[^\s/?#@\\*]+\/?$/i

/** @throws {TypeError} naming an entry that could never match, and where it stands. */
export function checkOrigins(origins: Origins | undefined, where: string): void {
  if (origins === undefined || origins === '*' || typeof origins === 'function') return
  if (!Array.isArray(origins)) throw new TypeError(`${where} takes a list: ['https://app.example']`)
  for (const origin of origins as readonly string[]) {
    if (ORIGIN.test(origin) && URL.canParse(origin.replace('//*.', '//'))) continue
    throw new TypeError(
      `${where}: "${origin}" is not an origin such as https://app.example or https://*.example.com`,
    )
  }
}
