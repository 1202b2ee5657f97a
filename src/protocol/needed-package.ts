/** Packages that not everybody installs, looked for when an application is made: no reader is to find one missing. */

/**
 * Only a package that is surely missing is complained of: a bundler may have taken it in, and have no way to look.
 *
 * @param entry what needs it, as it is imported: `millrace/openai`.
 * @throws {Error} that says how to install it.
 */
export function needPackage(entry: string, name: string): void {
  try {
    import.meta.resolve(name)
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') return
    throw new Error(`${entry} needs the package ${name}: npm install ${name}`, { cause })
  }
}
