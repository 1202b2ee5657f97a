/**
 * The scope of a request, made from its head. Most parts are computed on each access and not kept, so that an
 * idle connection holds little more than its headers.
 */
import { parseCookie } from 'cookie'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { ClientAddress, Params, Scope, User } from '../../consumers/scope.ts'
import type { HandlerOwner } from '../../logging/late-errors.ts'
import { HttpError } from '../../protocol/errors.ts'
import { isOfThisMachine, networkOf } from '../../consumers/client-network.ts'
import { type ProxyTrust, plainAddress } from './proxy-trust.ts'
import type { Authenticate } from '../../routing/route.ts'
import { parseTarget, withoutRootPath } from './request-target.ts'

const HOST = /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/

/** Methods that the platform's Request refuses. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])

type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>

/** The head of a request, from whatever source. */
export interface RequestHead {
  readonly method: string
  /** The request's target: path and query, or a whole URL. */
  readonly target: string
  /** By lower-case name. */
  readonly headers: HeaderValues
  readonly peer: ClientAddress
  readonly encrypted: boolean
}

/** The options of a server that decide how heads are read. */
export interface ScopeOptions {
  readonly rootPath: string
  readonly proxies: ProxyTrust
}

export class RequestScope implements Scope {
  readonly type: 'websocket' | 'http'
  readonly id: string
  readonly scheme: 'http' | 'https'
  readonly host: string
  /** The host that the peer itself named. A page cannot choose it, but it can choose a forwarded host. */
  readonly directHost: string
  readonly path: string
  readonly rootPath: string
  readonly client: ClientAddress
  /** Set by the router and by `authenticate`, before any handler sees the scope. */
  params: Params = {}
  user: User | undefined = undefined
  /** The limit of a WebSocket's route, set before it is accepted. */
  maxMessageSize: number | undefined = undefined
  /** Whether the route of a WebSocket is Millrace's own. */
  own = false
  /** The `authenticate` that was called last, and when. */
  hook: Authenticate | undefined
  askedAt = 0
  /** The owner of late errors; set when a handler of the application answers. */
  owner: HandlerOwner | undefined
  readonly #head: RequestHead
  readonly #url: string
  readonly #trustsProxies: boolean

  /** @throws {HttpError} `bad_request` for a malformed target or host. */
  constructor(type: 'websocket' | 'http', head: RequestHead, options: ScopeOptions) {
    const target = parseTarget(head.target)
    if (!target) throw new HttpError('bad_request', 'The request target is not a normalised path.')
    const trusted = options.proxies.trusts(head.peer.address)
    const forwarded = (name: string): string | undefined =>
      (trusted && lastOf(head.headers[name])) || undefined
    this.type = type
    this.id = nextId()
    const scheme = forwarded('x-forwarded-proto') ?? (head.encrypted ? 'https' : 'http')
    this.scheme = scheme === 'https' || scheme === 'wss' ? 'https' : 'http'
    this.directHost = target.host ?? textOf(head.headers['host']) ?? ''
    this.host = forwarded('x-forwarded-host') ?? this.directHost
    this.client = options.proxies.client(head.peer, textOf(head.headers['x-forwarded-for']))
    this.rootPath = options.rootPath
    this.path = withoutRootPath(target.path, options.rootPath)
    this.#head = head
    this.#trustsProxies = options.proxies.trustsSome
    this.#url = target.path + target.search
    if (!isHost(this.host)) throw new HttpError('bad_request', 'The Host header is not a host.')
  }

  get method(): string {
    return this.#head.method
  }

  get network(): string | undefined {
    const { address } = this.client
    return !this.#trustsProxies && isOfThisMachine(address) ? undefined : networkOf(address)
  }

  get query(): URLSearchParams {
    const at = this.#url.indexOf('?')
    return new URLSearchParams(at < 0 ? '' : this.#url.slice(at + 1))
  }

  get headers(): Headers {
    const headers = new Headers()
    for (const [name, value] of Object.entries(this.#head.headers)) {
      if (typeof value === 'string') headers.append(name, value)
      else for (const item of value ?? []) headers.append(name, item)
    }
    return headers
  }

  get cookies(): Readonly<Record<string, string | undefined>> {
    return parseCookie(textOf(this.#head.headers['cookie']) ?? '', { decode: decodeCookie })
  }

  get subprotocols(): readonly string[] {
    const offered = textOf(this.#head.headers['sec-websocket-protocol'])
    return offered === undefined ? [] : offered.split(',').map((name) => name.trim())
  }

  get origin(): string | undefined {
    return textOf(this.#head.headers['origin'])
  }

  /** The request without its body, for hooks that take the platform's type. */
  toRequest(signal?: AbortSignal): Request {
    const method = FORBIDDEN_METHODS.has(this.method) ? 'GET' : this.method
    const init = { method, headers: this.headers, ...(signal && { signal }) }
    return new Request(`${this.scheme}://${this.host}${this.#url}`, init)
  }
}

/** The head of a `node:http` request. */
export function headOf(incoming: IncomingMessage): RequestHead {
  const { socket } = incoming
  return {
    method: incoming.method ?? 'GET',
    target: incoming.url ?? '/',
    headers: incoming.headers,
    peer: { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
    encrypted: (socket as TLSSocket).encrypted === true,
  }
}

/** The head of a platform request, which has no peer. */
export function headOfRequest(request: Request): RequestHead {
  const url = new URL(request.url)
  return {
    method: request.method,
    target: url.pathname + url.search,
    headers: { host: url.host, ...Object.fromEntries(request.headers) },
    peer: { address: '', port: 0 },
    encrypted: url.protocol === 'https:' || url.protocol === 'wss:',
  }
}

let lastId = 0

function nextId(): string {
  return (++lastId).toString(36)
}

/** Whether a text is a host with an optional port, and nothing that would change a URL in which it is put. */
function isHost(text: string): boolean {
  return HOST.test(text) && URL.canParse(`http://${text}`)
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value.join(', ')
}

function lastOf(value: string | readonly string[] | undefined): string | undefined {
  return textOf(value)?.split(',').at(-1)?.trim()
}

function decodeCookie(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
