#!/usr/bin/env node
/** The `millrace` command. Node is checked before anything that an old one cannot load. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major > 22 || (major === 22 && minor >= 18)) {
  const { run } = await import('./program.ts')
  await run(process.argv.slice(2))
} else {
  console.error(`millrace: Node ${process.versions.node} is too old; Millrace needs Node 22.18 or later`)
  process.exit(1)
}
