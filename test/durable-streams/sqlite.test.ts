import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { sqlite } from '../../src/index.ts'
import { conformsOver } from './suite.ts'

const folder = await mkdtemp(join(tmpdir(), 'millrace-conformance-'))
afterAll(() => rm(folder, { recursive: true }))

conformsOver(() => sqlite(join(folder, 'streams.db')))
