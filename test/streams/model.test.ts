import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { memory } from '../../src/streams/memory/store.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import { temporaryFolder } from './harnesses.ts'
import { itDoesAsTheModelDoes } from './model-properties.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

describe('the memory store', () => {
  itDoesAsTheModelDoes((clock) => memory({ clock, settle: 0 }))
})

describe('the SQLite store', () => {
  itDoesAsTheModelDoes((clock) =>
    openSqlite(join(mkdtempSync(join(folder.path, 'model-')), 'streams.db'), { clock, settle: 0 }),
  )
})
