/** nginx and Caddy with the very configurations that docs/deploying.md shows, on ports of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './redis.ts'

const PAGE = resolve(import.meta.dirname, '../../docs/deploying.md')

export type ProxyName = 'nginx' | 'caddy'

export interface ReverseProxy extends AsyncDisposable {
  /** Where it answers, on a port that is neither 80 nor 443. */
  readonly url: string
}

/** Starts one in front of a server. Resolves when it accepts connections. */
export async function startProxy(name: ProxyName, program: string, upstream: number): Promise<ReverseProxy> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`))
  return await launch(program, folder, port, await (name === 'nginx' ? nginx : caddy)(folder, port, upstream))
}

/** Starts nginx as a cache of streams. */
export async function startCache(program: string, upstream: number): Promise<ReverseProxy> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'millrace-nginx-'))
  return await launch(program, folder, port, await cachingNginx(folder, port, upstream))
}

async function launch(
  program: string,
  folder: string,
  port: number,
  { file, text, args, ready }: Setup,
): Promise<ReverseProxy> {
  await writeFile(file, text)
  const child = spawn(program, args, {
    env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await printed(child, ready)
  } catch (error) {
    await end()
    throw error
  }
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: end }
}

interface Setup {
  readonly file: string
  readonly text: string
  readonly args: readonly string[]
  /** What it says once it listens. */
  readonly ready: RegExp
}

async function nginx(folder: string, port: number, upstream: number): Promise<Setup> {
  return nginxOf(await sampleOf('nginx'), folder, port, upstream)
}

/** The location goes into the server, the rest beside it. */
async function cachingNginx(folder: string, port: number, upstream: number): Promise<Setup> {
  const [site, more] = [await sampleOf('nginx'), await sampleOf('nginx', 1)]
  const at = more.indexOf('  location')
  const beside = replaced(more.slice(0, at), '/var/cache/nginx/streams', join(folder, 'streams'))
  const whole = replaced(site, '  location', `${more.slice(at)}  location`)
  return nginxOf(`${beside}${whole}`, folder, port, upstream)
}

function nginxOf(sample: string, folder: string, port: number, upstream: number): Setup {
  const site = replaced(
    replaced(sample, 'listen 80;', `listen 127.0.0.1:${port};`),
    '127.0.0.1:8000',
    `127.0.0.1:${upstream}`,
  )
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const compress = 'gzip on; gzip_proxied any; gzip_min_length 1; gzip_types *;'
  const file = join(folder, 'nginx.conf')
  return {
    file,
    text: `${user} daemon off; worker_processes 1; pid ${join(folder, 'pid')}; error_log stderr notice;
      events {} http { access_log off; ${paths.join(' ')} ${compress}\n${site} }`,
    args: ['-p', folder, '-e', 'stderr', '-c', file],
    ready: /start worker process \d/,
  }
}

async function caddy(folder: string, port: number, upstream: number): Promise<Setup> {
  const sample = await sampleOf('caddyfile')
  const site = replaced(
    replaced(sample, 'app.example.com', `http://127.0.0.1:${port}`),
    '127.0.0.1:8000',
    `127.0.0.1:${upstream}`,
  )
  const file = join(folder, 'Caddyfile')
  return {
    file,
    text: `{\n\tadmin off\n}\n${site}`,
    args: ['run', '--config', file, '--adapter', 'caddyfile'],
    ready: /serving initial configuration/,
  }
}

/** A block of docs/deploying.md in this language, the first one or a later one. */
async function sampleOf(language: string, index: number = 0): Promise<string> {
  const page = await readFile(PAGE, 'utf8')
  const blocks = [...page.matchAll(new RegExp('^```' + language + '\\n(.*?)^```$', 'gms'))]
  const sample = blocks[index]?.[1]
  if (sample === undefined) throw new Error(`docs/deploying.md shows no ${language}`)
  return sample
}

function replaced(text: string, part: string, by: string): string {
  if (!text.includes(part)) throw new Error(`The sample has no ${part}`)
  return text.replace(part, by)
}

async function printed(child: ChildProcess, pattern: RegExp): Promise<void> {
  const lines: string[] = []
  const { promise, resolve: found, reject } = Promise.withResolvers<void>()
  if (!child.stderr) throw new Error('no output')
  // Read to its end: a full pipe would stop the program.
  createInterface(child.stderr).on('line', (line) => {
    if (lines.length < 50) lines.push(line)
    if (pattern.test(line)) found()
  })
  child.once('error', reject)
  child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${lines.join('\n')}`)))
  await promise
}
