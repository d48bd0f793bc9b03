/**
 * Run this after every `npm install` that changes package-lock.json.
 *
 * Tools with native binaries name one optional package per platform. A registry mirror that does
 * not carry all of them makes npm 11 leave the others out of package-lock.json, and `npm ci` then
 * refuses the very file that `npm install` has written (https://github.com/npm/cli/issues/9846).
 * This adds what their parents say about them: the exact version, and the platform that stands in
 * the name. What is added has no integrity, as nobody here has seen the file.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const SYSTEMS = 'android|darwin|freebsd|linux|netbsd|openbsd|openharmony|win32'
const PROCESSORS = 'arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64'
const ABIS = 'gnu|musl|msvc|gnueabihf|musleabihf|eabi'
const PLATFORM = new RegExp(`(${SYSTEMS})-(${PROCESSORS})(?:-(${ABIS}))?$`)

const path = join(root, 'package-lock.json')
const lock = JSON.parse(readFileSync(path, 'utf8'))
let added = 0
for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (lock.packages[`node_modules/${name}`] ?? lock.packages[`${parent}/node_modules/${name}`]) {
      continue
    }
    const platform = PLATFORM.exec(name)
    if (platform === null || !/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(
        `${parent} wants ${name}@${version}: not an exact version of a package for one platform`
      )
    }
    const [, os, cpu, abi = ''] = platform
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(dev === true ? { dev } : {}),
      ...(os === 'linux' && abi !== ''
        ? { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] }
        : {}),
      optional: true,
      os: [os]
    }
    added++
  }
}
if (added > 0) {
  const entries = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  writeFileSync(
    path,
    `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`
  )
}
console.log(`package-lock.json: ${added} packages for other platforms added`)
