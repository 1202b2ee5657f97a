/**
 * npm runs this after `npm install` in a clone. JavaScript, unlike its neighbours: where development
 * dependencies are left out (--omit=dev) there is no pinned Node, and an older one may run it.
 */
import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const tools = ['typescript', 'vite', 'node'].map((name) => new URL(`node_modules/${name}/`, root))
if (tools.every((folder) => existsSync(folder))) {
  process.chdir(fileURLToPath(root))
  const { installMissingNatives } = await import('./native-packages.ts')
  if (installMissingNatives()) await import('./build.ts')
  else process.exitCode = 1
} else {
  console.log('Millrace: development dependencies are left out, so dist/ is not built.')
}
