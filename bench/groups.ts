/** Everything that is measured, in the order it is. */
import { appends } from './appends/groups.ts'
import { chats } from './chats/groups.ts'
import { delivery, idleConnections, lateJoins, saturations } from './delivery/groups.ts'
import { httpAppends, httpCatchUp, httpLive } from './durable-streams/groups.ts'
import type { Group } from './harness/load.ts'
import { fanOuts, layer } from './redis/groups.ts'
import { scale } from './scale/groups.ts'

export const GROUPS: readonly Group[] = [
  delivery,
  saturations,
  idleConnections,
  lateJoins,
  appends,
  scale,
  httpAppends,
  httpLive,
  httpCatchUp,
  layer,
  fanOuts,
  chats,
]
