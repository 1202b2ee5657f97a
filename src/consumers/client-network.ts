/** The network by which limits count a client, because a client can change its address within it. */
import { isIP } from 'node:net'

/**
 * The network of a client's address: an IPv4 address itself, or the first half of an IPv6 address. A device
 * chooses the second half itself, and may change it often.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const groups = groupsOf(address)
  // An IPv4 address mapped to IPv6, written in hexadecimal digits.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 255])
      .join('.')
  const half = groups.slice(0, 4).map((group) => group.toString(16))
  return `${half.join(':')}::/64`
}

/** Whether a client is a program on this machine. The address of a peer on a unix socket is empty. */
export function isOfThisMachine(address: string): boolean {
  return address === '' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  // A zone, as in fe80::1%eth0, is not part of the address. The URL writes an IPv4 tail as two groups.
  const host = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
}
