/** Which peers are trusted to tell the client's address, scheme and host. */
import { BlockList, isIP } from 'node:net'
import type { ClientAddress } from '../../consumers/scope.ts'

export interface ProxyTrust {
  /** Whether the headers of any peer are trusted. */
  readonly trustsSome: boolean
  /** Whether a peer's headers are trusted; its address is empty on a unix socket. */
  trusts(address: string): boolean
  /** The client behind a trusted peer, from its X-Forwarded-For header. */
  client(peer: ClientAddress, header: string | undefined): ClientAddress
}

/** @throws {RangeError} for an entry that is neither an address nor a CIDR range. */
export function proxyTrust(option: boolean | readonly string[]): ProxyTrust {
  const trusts = typeof option === 'boolean' ? () => option : listedIn(option)
  // `true` trusts only the direct peer, which wrote the last entry.
  const hops = option === true ? 1 : Number.POSITIVE_INFINITY
  const trustsSome = option !== false
  return { trustsSome, trusts, client: (peer, header) => forwardedClient(peer, header, trusts, hops) }
}

function listedIn(entries: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const entry of entries) addEntry(list, entry)
  // The file system decides who reaches a unix socket, so with a list that peer is trusted, too.
  return (address) => address === '' || list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function addEntry(list: BlockList, entry: string): void {
  const [address = '', bits] = entry.split('/')
  const family = isIP(address)
  const size = family === 6 ? 128 : 32
  const prefix = bits === undefined ? size : Number(bits)
  if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > size || bits === '') {
    throw new RangeError(
      `trustProxy holds "${entry}", which is neither an address nor a range such as 10.0.0.0/8`,
    )
  }
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Each proxy appends the address of its peer. So the list is read from its end, for as long as the proxy that
 * wrote the entry is trusted.
 */
function forwardedClient(
  peer: ClientAddress,
  header: string | undefined,
  trusts: (address: string) => boolean,
  hops: number,
): ClientAddress {
  const entries = header?.split(',') ?? []
  let client = peer
  for (let hop = 0; hop < hops && trusts(client.address); hop++) {
    const entry = parseAddress(entries.pop()?.trim() ?? '')
    if (!entry) break
    client = entry
  }
  return client
}

/** `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`; undefined for `unknown` and obfuscated names. */
function parseAddress(text: string): ClientAddress | undefined {
  const match =
    /^\[([\da-fA-F:.]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^(\d+\.\d+\.\d+\.\d+)(?::(\d{1,5}))?$/.exec(text)
  const address = match?.[1] ?? text
  // A zone, as in fe80::1%eth0, has a meaning on the proxy's machine only.
  if (isIP(address) === 0 || address.includes('%')) return undefined
  return { address: plainAddress(address), port: Number(match?.[2] ?? 0) }
}

/** An address without the IPv6 mapping with which dual-stack sockets report IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}
