/** What `lib/index.ts` exports, as the TypeScript compiler sees it. */
import { join, relative, sep } from 'node:path'
import ts from 'typescript'
import { root } from './run-command.js'

export interface PublicSymbol {
  readonly name: string
  /** Where it is declared, from the root of the repository. */
  readonly file: string
  /** Without its tags; empty where there is none. */
  readonly docstring: string
  /** A function or a class. */
  readonly callable: boolean
}

export function publicSymbols(): PublicSymbol[] {
  const index = join(root, 'lib', 'index.ts')
  const read = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root)
  const program = ts.createProgram([index], options)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(index)!)!
  return checker.getExportsOfModule(module).map((exported) => {
    const alias = (exported.flags & ts.SymbolFlags.Alias) !== 0
    const symbol = alias ? checker.getAliasedSymbol(exported) : exported
    const file = relative(root, symbol.declarations![0]!.getSourceFile().fileName)
    return {
      name: symbol.name,
      file: file.replaceAll(sep, '/'),
      docstring: ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(),
      callable: (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class)) !== 0
    }
  })
}
