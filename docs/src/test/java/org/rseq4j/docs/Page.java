// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.commonmark.ext.heading.anchor.IdGenerator;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Code;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.Heading;
import org.commonmark.node.Image;
import org.commonmark.node.IndentedCodeBlock;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.SoftLineBreak;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;

/** A page of the documentation, taken apart. */
final class Page {
    /** The folder of the whole project: tests run in docs. */
    static final Path ROOT = Path.of("").toAbsolutePath().getParent();

    record Block(String language, String text) {
    }

    final Path file;
    /** Where links and images lead, as written. */
    final List<String> targets = new ArrayList<>();
    /** What a link to a heading of this page may say behind the #. */
    final Set<String> anchors = new LinkedHashSet<>();
    final List<Block> blocks = new ArrayList<>();
    /** The code within sentences. */
    final List<String> code = new ArrayList<>();

    Page(Path file, String markdown) {
        this.file = file;
        IdGenerator ids = IdGenerator.builder().build();
        Parser.builder().build().parse(markdown).accept(new AbstractVisitor() {
            @Override
            public void visit(Link link) {
                targets.add(link.getDestination());
                visitChildren(link);
            }

            @Override
            public void visit(Image image) {
                targets.add(image.getDestination());
            }

            @Override
            public void visit(Heading heading) {
                anchors.add(ids.generateId(text(heading)));
                visitChildren(heading);
            }

            @Override
            public void visit(FencedCodeBlock block) {
                blocks.add(new Block(block.getInfo(), block.getLiteral()));
            }

            @Override
            public void visit(IndentedCodeBlock block) {
                blocks.add(new Block("", block.getLiteral()));
            }

            @Override
            public void visit(Code span) {
                code.add(span.getLiteral());
            }
        });
    }

    /** README.md, CONTRIBUTING.md, CHANGELOG.md, all below docs, and the overview of the tests. */
    static List<Page> all() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path folder : List.of(ROOT, ROOT.resolve("docs"), ROOT.resolve("docs/lab"),
                ROOT.resolve("docs/sample"), ROOT.resolve("jcstress-tests"))) {
            try (Stream<Path> list = Files.list(folder)) {
                list.filter(file -> file.toString().endsWith(".md")).sorted().forEach(files::add);
            }
        }
        return files.stream().map(Page::read).toList();
    }

    static Page read(Path file) {
        try {
            return new Page(file, Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(Node node) {
        StringBuilder text = new StringBuilder();
        node.accept(new AbstractVisitor() {
            @Override
            public void visit(Text part) {
                text.append(part.getLiteral());
            }

            @Override
            public void visit(Code part) {
                text.append(part.getLiteral());
            }

            @Override
            public void visit(SoftLineBreak lineBreak) {
                text.append(' ');
            }
        });
        return text.toString();
    }

    @Override
    public String toString() {
        return ROOT.relativize(file).toString();
    }
}
