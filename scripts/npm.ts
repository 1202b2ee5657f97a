import process from 'node:process'

/**
 * The command that runs npm with arguments. Under an npm script, `npm` by name would run on the pinned Node,
 * which comes first on PATH there, and Debian's npm finds its own modules only with Debian's Node: so it is
 * started as the outer npm was.
 */
export function npmCommand(...args: string[]): [program: string, ...args: string[]] {
  const { npm_node_execpath: node, npm_execpath: npm } = process.env
  return node && npm ? [node, npm, ...args] : ['npm', ...args]
}
