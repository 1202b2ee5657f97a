/** `millrace init`: copies templates/app to a new folder and fills in names and versions. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { CommandError, UsageError } from '../command-error.ts'
import { PACKAGE, PACKAGE_FOLDER } from '../package.ts'

const TEMPLATE = join(PACKAGE_FOLDER, 'templates', 'app')

/** Of files that mean something to npm, Git or TypeScript where the template lies; dropped in the copy. */
const SUFFIX = '.template'

/** @throws {CommandError} for a name that no package can have, and a folder that holds something. */
export async function init(folder: string): Promise<void> {
  const target = resolve(folder)
  const name = packageName(target)
  await checkEmpty(target, folder)
  const values = {
    name,
    version: PACKAGE.version,
    typescript: PACKAGE.devDependencies['typescript'] ?? 'latest',
    'types-node': PACKAGE.devDependencies['@types/node'] ?? 'latest',
  }
  try {
    await copyFilled(target, values)
  } catch (error) {
    throw new CommandError(`${folder} cannot be written: ${(error as Error).message}`, error)
  }
  console.log(nextSteps(name, relative(process.cwd(), target)))
}

/** npm's rules, as far as they are about new packages. */
function packageName(target: string): string {
  const name = basename(target)
  if (name === 'millrace' || name === 'node_modules')
    throw new UsageError(`"${name}" is taken: give the folder another name`)
  if (/^[a-z\d][a-z\d._-]{0,213}$/.test(name)) return name
  throw new UsageError(
    `"${name}" is no name for a package: use lower-case letters, digits, dots, dashes and underscores, a letter or digit first`,
  )
}

async function checkEmpty(target: string, folder: string): Promise<void> {
  let entries: string[]
  try {
    entries = await readdir(target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    throw new CommandError(
      code === 'ENOTDIR' ? `${folder} is a file` : `${folder} cannot be read: ${message}`,
      error,
    )
  }
  // A repository that was just created is as good as empty.
  const found = entries.find((entry) => entry !== '.git')
  if (found !== undefined)
    throw new CommandError(`${folder} is not empty (it holds ${found}): choose a new folder`)
}

async function copyFilled(target: string, values: Readonly<Record<string, string>>): Promise<void> {
  const entries = await readdir(TEMPLATE, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile())) {
    const source = join(entry.parentPath, entry.name)
    const copy = join(target, relative(TEMPLATE, source)).replace(new RegExp(`\\${SUFFIX}$`), '')
    const text = await readFile(source, 'utf8')
    await mkdir(dirname(copy), { recursive: true })
    await writeFile(
      copy,
      text.replaceAll(/\{\{([a-z-]+)\}\}/g, (hole, key: string) => values[key] ?? hole),
      { flag: 'wx' },
    )
  }
}

function nextSteps(name: string, folder: string): string {
  const enter = folder === '' ? [] : [`  cd ${folder}`]
  return [
    `Wrote ${name}: a chat room, its page and a test. Next:`,
    '',
    ...enter,
    '  npm install',
    '  npm run dev      # http://127.0.0.1:8000, restarted when you change a file',
    '  npm test',
  ].join('\n')
}
