// Reads the audit log over plain HTTP and checks it with the Go project's own client of tiled logs
// (golang.org/x/mod/sumdb/tlog and note). We wrote none of it; but the log is built on tlog_tiles, a port of that package to Rust, so a
// mistake in it may have been ported, too.
//
// usage: tiles URL VERIFIER_KEY [CLAIMS]
//
// Every tile and every bundle is read; each leaf is proven to be in the signed tree. CLAIMS is a file of proofs that the log's
// gRPC interface gave, and of older checkpoints: each is checked. What was checked goes to standard output as JSON.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// A log, as its address and its public key tell it.
type auditLog struct {
	url      string
	verifier note.Verifier
}

// What the log's gRPC interface claims.
type claims struct {
	// Proofs that leaves are in trees whose checkpoints come with them.
	Inclusion []struct {
		Checkpoint string
		Index      int64
		Leaf       []byte
		Hashes     [][]byte
	}
	// Proofs that the tree of the newer checkpoint continues that of the older.
	Consistency []struct {
		Old, New string
		Hashes   [][]byte
	}
	// Checkpoints that were kept: the tiles have to continue each of them.
	Kept []string
}

type report struct {
	Size        int64  `json:"size"`
	Root        string `json:"root"`
	Entries     int64  `json:"entries"`
	Inclusion   int    `json:"inclusion"`
	Consistency int    `json:"consistency"`
	Kept        int    `json:"kept"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("usage: tiles URL VERIFIER_KEY [CLAIMS]")
	}
	verifier, err := note.NewVerifier(arguments[1])
	if err != nil {
		return err
	}
	log := auditLog{url: arguments[0], verifier: verifier}
	signed, err := log.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := log.open(string(signed))
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, &tileReader{log: log, kept: map[tlog.Tile][]byte{}})
	checked := report{Size: tree.N, Root: tree.Hash.String()}
	if checked.Entries, err = log.checkEntries(tree, hashes); err != nil {
		return err
	}
	if len(arguments) > 2 {
		if err := log.checkClaims(arguments[2], tree, hashes, &checked); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(checked)
}

// get reads one of the log's resources.
func (log auditLog) get(path string) ([]byte, error) {
	answer, err := http.Get(log.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", path, answer.Status, body)
	}
	return body, nil
}

// open checks a checkpoint's signature, and reads its three lines: origin, size, root.
func (log auditLog) open(signed string) (tlog.Tree, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(log.verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != log.verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("no checkpoint of %s: %q", log.verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkEntries proves each entry of each bundle to be in the tree.
func (log auditLog) checkEntries(tree tlog.Tree, hashes tlog.HashReader) (int64, error) {
	var index int64
	for index < tree.N {
		last := tree.N - index
		if last > width {
			last = width
		}
		tile := tlog.Tile{H: height, L: -1, N: index / width, W: int(last)}
		bundle, err := log.get("tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/data/"))
		if err != nil {
			return index, err
		}
		for ; last > 0; last-- {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return index, fmt.Errorf("%s ends within entry %d", tile.Path(), index)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return index, err
			}
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
			if err != nil {
				return index, fmt.Errorf("entry %d: %w", index, err)
			}
			index++
		}
		if len(bundle) > 0 {
			return index, fmt.Errorf("%s holds more than its entries", tile.Path())
		}
	}
	return index, nil
}

func (log auditLog) checkClaims(file string, tree tlog.Tree, hashes tlog.HashReader, checked *report) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var all claims
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, claim := range all.Inclusion {
		in, err := log.open(claim.Checkpoint)
		if err != nil {
			return err
		}
		hash := tlog.RecordHash(claim.Leaf)
		if err := tlog.CheckRecord(proofOf(claim.Hashes), in.N, in.Hash, claim.Index, hash); err != nil {
			return fmt.Errorf("inclusion of %d: %w", claim.Index, err)
		}
		checked.Inclusion++
	}
	for _, claim := range all.Consistency {
		old, err := log.open(claim.Old)
		if err != nil {
			return err
		}
		new, err := log.open(claim.New)
		if err != nil {
			return err
		}
		proof := tlog.TreeProof(proofOf(claim.Hashes))
		if err := tlog.CheckTree(proof, new.N, new.Hash, old.N, old.Hash); err != nil {
			return fmt.Errorf("consistency of %d with %d: %w", new.N, old.N, err)
		}
		checked.Consistency++
	}
	for _, signed := range all.Kept {
		old, err := log.open(signed)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return fmt.Errorf("tiles do not continue the tree of %d: %w", old.N, err)
		}
		checked.Kept++
	}
	return nil
}

func proofOf(hashes [][]byte) tlog.RecordProof {
	proof := make(tlog.RecordProof, len(hashes))
	for index, hash := range hashes {
		copy(proof[index][:], hash)
	}
	return proof
}

// A tileReader reads tiles over HTTP, each once.
type tileReader struct {
	log  auditLog
	kept map[tlog.Tile][]byte
}

func (reader *tileReader) Height() int { return height }

func (reader *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for index, tile := range tiles {
		known, ok := reader.kept[tile]
		if !ok {
			var err error
			if known, err = reader.log.get("tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")); err != nil {
				return nil, err
			}
		}
		data[index] = known
	}
	return data, nil
}

// SaveTiles is called with what was found to belong to the tree.
func (reader *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for index, tile := range tiles {
		reader.kept[tile] = data[index]
	}
}
