import { expect, test } from 'vitest'
import { Disk, type Loss } from './disk.ts'

const FILE = '/data/file'
const nothing: Loss = { name: '', names: (count) => count, keeps: () => true }
const everything: Loss = { name: '', names: () => 0, keeps: () => false }

function disk(): Disk {
  const made = new Disk('/data')
  made.open(FILE)
  made.syncFolder('/data')
  return made
}

function text(contents: Map<string, Buffer>, path = FILE): string | undefined {
  return contents.get(path)?.toString('latin1')
}

test('A write is certain once its file was synced', () => {
  const written = disk()
  written.write(FILE, 0, Buffer.from('first'))
  written.sync(FILE)
  written.write(FILE, 5, Buffer.from(' second'))
  expect(text(written.after(everything))).toBe('first')
  expect(text(written.after(nothing))).toBe('first second')
})

test('A write that is lost before one that is not leaves zeros', () => {
  const written = disk()
  written.write(FILE, 0, Buffer.from('ab'))
  written.write(FILE, 2, Buffer.from('cd'))
  expect(text(written.after({ ...nothing, keeps: (index) => index === 1 }))).toBe('\0\0cd')
})

test('A write is torn where its sectors part', () => {
  const written = disk()
  written.write(FILE, 500, Buffer.alloc(24, 'x'))
  const kept = text(written.after({ ...nothing, keeps: () => (sector) => sector === 1 }))
  expect(kept).toBe(`${'\0'.repeat(512)}${'x'.repeat(12)}`)
})

test('A file that is cut back and grows again reads as zeros behind the cut', () => {
  const written = disk()
  written.write(FILE, 0, Buffer.from('abcdef'))
  written.resize(FILE, 2)
  written.resize(FILE, 4)
  written.sync(FILE)
  expect(text(written.after(everything))).toBe('ab\0\0')
})

test('A file is gone with its name until its folder was synced', () => {
  const written = new Disk('/data')
  written.open(FILE)
  written.write(FILE, 0, Buffer.from('kept'))
  written.sync(FILE)
  expect(text(written.after(everything))).toBeUndefined()
  written.syncFolder('/data')
  expect(text(written.after(everything))).toBe('kept')
})

test('A removed file may come back until its folder was synced', () => {
  const written = disk()
  written.remove(FILE)
  expect(written.after(everything).has(FILE)).toBe(true)
  written.syncFolder('/data')
  expect(written.after(everything).has(FILE)).toBe(false)
})

test('All that is in a folder is gone with its name', () => {
  const written = new Disk('/data')
  written.makeFolder('/data/new')
  written.open('/data/new/file')
  written.syncFolder('/data/new')
  expect(written.after(everything).size).toBe(0)
  expect([...written.after(nothing).keys()]).toEqual(['/data/new/file'])
})
