/** What the loads on Redis need beside Node; what is missing leaves a line in the table. */
import { spawnSync } from 'node:child_process'
import { RedisServer } from '../../test/support/redis.ts'
import { service } from '../../scripts/services.ts'
import type { ServiceName } from '../../scripts/services.ts'
import { NotMeasured } from '../harness/load.ts'

/** The path of a program. @throws {NotMeasured} when it is not installed. */
export function pathOf(name: ServiceName): string {
  const needed = service(name)
  const path = needed.find()
  if (path === undefined) throw new NotMeasured(`${needed.title} is not installed`)
  return path
}

/** Runs with a Redis of its own, which is ended afterwards, also when the benchmark is interrupted. */
export async function withRedis<Result>(
  signal: AbortSignal,
  args: readonly string[],
  run: (redis: RedisServer) => Promise<Result>,
): Promise<Result> {
  const redis = await RedisServer.start(pathOf('redis'), { arguments: args })
  const stop = (): void => void redis.kill()
  signal.addEventListener('abort', stop)
  try {
    return await run(redis)
  } finally {
    signal.removeEventListener('abort', stop)
    await redis.stop()
  }
}

/** Versions for the page, of those that are installed. */
export function serviceVersions(): Record<string, string> {
  const found: Record<string, string> = {}
  const redis = service('redis').find()
  const version = redis && /v=(\S+)/.exec(output(redis, '--version'))?.[1]
  if (version) found['redis-server'] = version
  const python = service('channels').find()
  if (python) Object.assign(found, JSON.parse(output(python, '-c', PYTHON_VERSIONS) || '{}'))
  return found
}

const PYTHON_VERSIONS = `
import json, platform
from importlib.metadata import version
names = ['Django', 'channels', 'channels_redis', 'daphne']
print(json.dumps({'Python': platform.python_version(), **{name: version(name) for name in names}}))`

function output(program: string, ...args: string[]): string {
  return spawnSync(program, args, { encoding: 'utf8', timeout: 20_000 }).stdout
}
