/**
 * The guests of the demo: whoever opens its chat gets a cookie with a random name, and chats of their own under it.
 * Nothing is kept of guests but their chats. A request without the cookie, of `curl` for one, has the chats of nobody.
 */
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { parse } from 'hono/utils/cookie'
import { randomBytes } from 'node:crypto'
import { ANONYMOUS, type HttpContext } from '../routing/route.ts'

const COOKIE = 'millrace-guest'

/** 128 random bits, in base64url. */
const NAME = /^[\w-]{22}$/

/** Seconds: the longest that browsers keep a cookie. It begins anew each time that the page is opened. */
const KEPT = 400 * 24 * 3600

/** An `authenticate`: the guest of a request, as the name of an owner. */
export function guestOf(request: Request): string | typeof ANONYMOUS {
  const name = parse(request.headers.get('cookie') ?? '', COOKIE)[COOKIE]
  return name !== undefined && NAME.test(name) ? `guest:${name}` : ANONYMOUS
}

/** Gives whoever opens a page their name, or keeps the one that they have. */
export function rememberGuest(context: Context<{ Bindings: HttpContext }>): void {
  const known = getCookie(context, COOKIE)
  const name = known !== undefined && NAME.test(known) ? known : randomBytes(16).toString('base64url')
  setCookie(context, COOKIE, name, {
    httpOnly: true,
    maxAge: KEPT,
    path: '/',
    sameSite: 'Lax',
    secure: context.env.scope.scheme === 'https',
  })
}
