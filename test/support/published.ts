/** Millrace as it is published, in a folder: for programs that load packages in their own way. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Builds it into the folder's node_modules. Other packages are found in the folders above. */
export async function installPublished(folder: string): Promise<void> {
  const own = join(folder, 'node_modules/millrace')
  const compiler = spawn('tsc', ['-p', 'tsconfig.build.json', '--outDir', join(own, 'dist')], {
    stdio: 'inherit',
  })
  const [code] = (await once(compiler, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`tsc ended with ${code}`)
  await mkdir(own, { recursive: true })
  await copyFile('package.json', join(own, 'package.json'))
}
