/**
 * A server that belongs to another program, and the applications that are attached to it. Upgrades to
 * WebSocket go to the application that serves their path. The owner keeps all other events.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { FloodLog } from '../logging/flood-log.ts'
import type { ServedApplication } from './served-application.ts'
import type { Gateway } from './gateway.ts'
import { asksForWebSocket } from './websocket/handshake.ts'
import { Pipelines } from './http/pipelines.ts'

/** Decides which requests are upgrades (Node 24.9 and later). Earlier, all that ask for one were. */
type ShouldUpgrade = (incoming: IncomingMessage) => boolean

type NodeServer = Server & { shouldUpgradeCallback?: ShouldUpgrade }

/** Handshake timeouts that other listeners have to answer an upgrade that no application serves. */
const PATIENCE = 2

const servers = new WeakMap<Server, SharedServer>()

export class SharedServer {
  readonly #server: NodeServer
  readonly #pipelines: Pipelines
  readonly #gateways = new Map<ServedApplication, Gateway>()
  #before: ShouldUpgrade | undefined

  static of(server: Server, application: ServedApplication): SharedServer {
    const found = servers.get(server)
    if (found) return found
    const shared = new SharedServer(server, application)
    servers.set(server, shared)
    return shared
  }

  private constructor(server: Server, application: ServedApplication) {
    this.#server = server
    this.#pipelines = new Pipelines(server, new FloodLog(application.logger))
  }

  /**
   * Adds an application with a gateway of its own, until `remove`.
   *
   * @throws {Error} for an application that is already attached: both gateways would answer the same
   * handshakes.
   */
  add(application: ServedApplication, createGateway: () => Gateway): Gateway {
    if (this.#gateways.has(application))
      throw new Error('This application is already attached to this server')
    const gateway = createGateway()
    if (this.#gateways.size === 0) this.#listen()
    this.#gateways.set(application, gateway)
    return gateway
  }

  remove(application: ServedApplication): void {
    this.#gateways.delete(application)
    if (this.#gateways.size === 0) this.#leave()
  }

  /** Calls `start` when the earlier requests on this connection have been answered. */
  whenDue({ socket }: IncomingMessage, outgoing: ServerResponse, start: () => void): void {
    this.#pipelines.of(socket).whenDue(outgoing, start)
  }

  #listen(): void {
    const server = this.#server
    server.on('upgrade', this.#onUpgrade).prependListener('request', this.#onRequest)
    this.#before = server.shouldUpgradeCallback
    if (this.#before) server.shouldUpgradeCallback = this.#shouldUpgrade
  }

  #leave(): void {
    const server = this.#server
    server.off('upgrade', this.#onUpgrade).off('request', this.#onRequest)
    if (this.#before && server.shouldUpgradeCallback === this.#shouldUpgrade)
      server.shouldUpgradeCallback = this.#before
  }

  get #othersListen(): boolean {
    return this.#server.listenerCount('upgrade') > 1
  }

  /**
   * Requests for h2c, as curl and Java's client send them, are plain requests unless something listens to
   * upgrades.
   */
  readonly #shouldUpgrade = (incoming: IncomingMessage): boolean =>
    asksForWebSocket(incoming) || (this.#othersListen && this.#before?.call(this.#server, incoming) === true)

  readonly #onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    this.#pipelines.add(incoming, outgoing)
  }

  readonly #onUpgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const gateways = [...this.#gateways.values()]
    if (!asksForWebSocket(incoming)) {
      if (!this.#othersListen) this.#giveBack(incoming, socket, head)
      return
    }
    const serving = gateways.filter((one) => one.servesWebSocket(incoming))
    const gateway = serving.find(({ draining }) => !draining) ?? serving[0]
    if (gateway) return this.#upgrade(gateway, incoming, socket, head)
    const [refusing] = gateways
    if (!refusing) return
    if (this.#othersListen) leaveToOthers(socket, refusing, () => refusing.upgrade(incoming, socket, head))
    else this.#upgrade(refusing, incoming, socket, head)
  }

  #upgrade(gateway: Gateway, incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#pipelines.upgrade(socket, head, (bytes) => gateway.upgrade(incoming, socket, bytes))
  }

  /** Makes the server read a request again, without its Upgrade header. */
  #giveBack(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { method, url, httpVersion, rawHeaders } = incoming
    const lines = [`${method} ${url} HTTP/${httpVersion}`]
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
    }
    this.#pipelines.upgrade(socket, head, (bytes) => {
      socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]))
      this.#server.emit('connection', socket)
    })
  }
}

/** Refuses an upgrade that no other listener has handled in time; otherwise it would never end. */
function leaveToOthers(socket: Duplex, { options }: Gateway, refuse: () => void): void {
  // An error event without a listener would end the process.
  socket.on('error', ignore)
  const { bytesWritten } = socket as Socket
  const timer = setTimeout(
    () => {
      const isTouched = (socket as Socket).bytesWritten !== bytesWritten || socket.listenerCount('data') > 0
      if (!isTouched && !socket.destroyed && !socket.writableEnded) refuse()
    },
    options.handshakeTimeout * PATIENCE * 1000,
  ).unref()
  socket.once('close', () => clearTimeout(timer))
}

function ignore(): void {}
