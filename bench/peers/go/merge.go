// Command merge adds up Go text profiles with the parser of golang.org/x/tools/cover: the peer of `covey merge`.
//
// Profiles are taken one at a time; a file's blocks are looked up by where they begin, from where the last one was
// found, as the tools built on that parser do it. Usage: merge OUT PROFILE...
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"sort"

	"golang.org/x/tools/cover"
)

func main() {
	log.SetFlags(0)
	merged := map[string]*cover.Profile{}
	for _, name := range os.Args[2:] {
		profiles, err := cover.ParseProfiles(name)
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		for _, profile := range profiles {
			mine, known := merged[profile.FileName]
			if !known {
				merged[profile.FileName] = profile
			} else if err := add(mine, profile); err != nil {
				log.Fatalf("%s: %s: %v", name, profile.FileName, err)
			}
		}
	}
	if err := write(os.Args[1], merged); err != nil {
		log.Fatal(err)
	}
}

func add(mine, other *cover.Profile) error {
	if mine.Mode != other.Mode {
		return fmt.Errorf("mode %s beside %s", other.Mode, mine.Mode)
	}
	at := 0
	for _, block := range other.Blocks {
		rest := mine.Blocks[at:]
		at += sort.Search(len(rest), func(i int) bool { return !before(&rest[i], &block) })
		switch {
		case at < len(mine.Blocks) && same(&mine.Blocks[at], &block):
			if mine.Mode == "set" {
				mine.Blocks[at].Count |= block.Count
			} else {
				mine.Blocks[at].Count += block.Count
			}
		default:
			mine.Blocks = append(mine.Blocks, cover.ProfileBlock{})
			copy(mine.Blocks[at+1:], mine.Blocks[at:])
			mine.Blocks[at] = block
		}
	}
	return nil
}

func before(one, two *cover.ProfileBlock) bool {
	switch {
	case one.StartLine != two.StartLine:
		return one.StartLine < two.StartLine
	case one.StartCol != two.StartCol:
		return one.StartCol < two.StartCol
	case one.EndLine != two.EndLine:
		return one.EndLine < two.EndLine
	}
	return one.EndCol < two.EndCol
}

func same(one, two *cover.ProfileBlock) bool {
	return !before(one, two) && !before(two, one)
}

func write(name string, merged map[string]*cover.Profile) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(merged))
	for name := range merged {
		names = append(names, name)
	}
	sort.Strings(names)
	out := bufio.NewWriter(file)
	mode := "set"
	if len(names) > 0 {
		mode = merged[names[0]].Mode
	}
	fmt.Fprintf(out, "mode: %s\n", mode)
	for _, name := range names {
		for _, b := range merged[name].Blocks {
			fmt.Fprintf(out, "%s:%d.%d,%d.%d %d %d\n", name, b.StartLine, b.StartCol, b.EndLine, b.EndCol, b.NumStmt, b.Count)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}
