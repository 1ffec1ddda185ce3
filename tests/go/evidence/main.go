// Checks the proofs within a bundle of evidence with the Go project's own client of tiled logs (golang.org/x/mod/sumdb/tlog and note)
// and with Go's own reader of zip archives. We wrote none of them.
//
// usage: evidence FILE VERIFIER_KEY
//
// The checkpoint's signature is checked, that each proof (C2SP tlog-proof) shows its entry to be in the signed tree, and that each entry
// holds the SHA-256 of its event. What was checked goes to standard output as JSON.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type report struct {
	Size   int64 `json:"size"`
	Events int   `json:"events"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("usage: evidence FILE VERIFIER_KEY")
	}
	verifier, err := note.NewVerifier(arguments[1])
	if err != nil {
		return err
	}
	files, err := unpack(arguments[0])
	if err != nil {
		return err
	}
	checkpoint := files["checkpoint"]
	tree, err := open(checkpoint, verifier)
	if err != nil {
		return err
	}
	checked := report{Size: tree.N}
	for path, event := range files {
		if !strings.HasPrefix(path, "events/") || !strings.HasSuffix(path, ".bin") {
			continue
		}
		stem := strings.TrimSuffix(strings.TrimPrefix(path, "events/"), ".bin")
		index, hashes, shown, err := proofOf(files["proofs/"+stem+".tlog-proof"])
		if err != nil {
			return fmt.Errorf("proof %s: %w", stem, err)
		}
		if strconv.FormatInt(index, 10) != stem || !bytes.Equal(shown, checkpoint) {
			return fmt.Errorf("proof %s is of something else", stem)
		}
		leaf := files["leaves/"+stem+".bin"]
		if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
			return fmt.Errorf("entry %s: %w", stem, err)
		}
		// The last field of an entry: number 6, 32 bytes.
		digest := sha256.Sum256(event)
		if !bytes.HasSuffix(leaf, append([]byte{0x32, 0x20}, digest[:]...)) {
			return fmt.Errorf("event %s is not the one that was logged", stem)
		}
		checked.Events++
	}
	if checked.Events == 0 {
		return errors.New("the bundle shows no event")
	}
	return json.NewEncoder(os.Stdout).Encode(checked)
}

func unpack(path string) (map[string][]byte, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	files := map[string][]byte{}
	for _, file := range archive.File {
		content, err := file.Open()
		if err != nil {
			return nil, err
		}
		if files[file.Name], err = io.ReadAll(content); err != nil {
			return nil, err
		}
		content.Close()
	}
	return files, nil
}

// open checks a checkpoint's signature, and reads its three lines: origin, size, root.
func open(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("no checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// proofOf reads a tlog-proof: place, hashes, checkpoint.
func proofOf(text []byte) (int64, tlog.RecordProof, []byte, error) {
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return 0, nil, nil, errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, nil, nil, err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, nil, err
		}
		proof = append(proof, hash)
	}
	return index, proof, checkpoint, nil
}
