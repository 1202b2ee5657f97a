/** Which host has what, when there are several. */
import { crc32 } from 'node:zlib'

/** Which of so many hosts has a queue, a group or a topic, as channels_redis computes it. */
export function shardOf(name: string, hosts: number): number {
  return hosts === 1 ? 0 : Math.floor((crc32(name) & 0xfff) / (4096 / hosts))
}
