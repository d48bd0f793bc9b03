/** Builds dist/ from scratch: a file that was deleted or moved must not survive in the package. */
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, root } from './install.mjs'

ensureInstalled()
rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const done = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit']
})
if (done.status !== 0) process.exit(done.status ?? 1)

const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
for (const path of Object.values(bin)) {
  const file = join(root, path)
  if (!readFileSync(file, 'utf8').startsWith('#!')) {
    console.error(`${path} does not start with a #! line`)
    process.exit(1)
  }
  chmodSync(file, 0o755)
}
