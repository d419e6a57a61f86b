// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.xml.sax.InputSource;

/** What the pages refer to is there. */
class PagesTest {
    private static final Pattern COMMAND = Pattern
            .compile("(?<![\\w/.$-])(?:bin/[a-z][\\w.-]*\\w|vm/[\\w-]+\\.sh|docs/sample/\\w+\\.sh)");
    private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]+");
    private static final Pattern PATH = Pattern
            .compile("(?<![\\w/.$-])(?:bin|vm|docs|core|structures|measure|benchmarks|jcstress-tests)/[\\w./-]*\\w");
    private static final Pattern CLASS = Pattern.compile("\\borg\\.rseq4j\\.[\\w.]*\\b[A-Z]\\w*");
    private static final Pattern TEST = Pattern.compile("(?<![\\w.])[A-Z]\\w*(?:Test|Stress|Fuzz|Benchmark)\\b");
    private static final Pattern PROPERTY = Pattern.compile("-D(rseq4j\\.[\\w.]+)");
    private static final Pattern FENCE = Pattern.compile("(?m)^ {0,3}(?:```|~~~)");

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        List<String> broken = new ArrayList<>();
        for (Page page : Page.all()) {
            for (String target : page.targets) {
                if (!leadsSomewhere(page, target)) {
                    broken.add(page + ": " + target);
                }
            }
        }
        assertEquals(List.of(), broken);
    }

    @Test
    void aBrokenLinkIsSeen() {
        Page page = new Page(Page.ROOT.resolve("docs/why.md"), "# One\n## `Two`, and more\n");
        assertEquals(Set.of("one", "two-and-more"), page.anchors);
        assertTrue(leadsSomewhere(page, "#two-and-more"));
        assertTrue(leadsSomewhere(page, "../README.md#two-commands"));
        assertTrue(leadsSomewhere(page, "../core"));
        assertFalse(leadsSomewhere(page, "#three"));
        assertFalse(leadsSomewhere(page, "README.md#two-commands"));
        assertFalse(leadsSomewhere(page, "nothing.md"));
        assertFalse(leadsSomewhere(page, "/README.md"));
    }

    /** A file or folder of the project, and a heading of the page if one is named. Other hosts are not asked. */
    private static boolean leadsSomewhere(Page page, String target) {
        if (target.matches("[a-z]+:.*")) {
            return target.startsWith("https://");
        }
        int hash = target.indexOf('#');
        String path = hash < 0 ? target : target.substring(0, hash);
        Path file = path.isEmpty() ? page.file : page.file.resolveSibling(path).normalize();
        if (!file.startsWith(Page.ROOT) || (!path.isEmpty() && !Files.exists(file))) {
            return false;
        }
        if (hash < 0) {
            return true;
        }
        Page other = path.isEmpty() ? page : Page.read(file);
        return other.anchors.contains(target.substring(hash + 1));
    }

    /** The guide's index lists the guide's pages, the laboratory's index its own. */
    @Test
    void theIndexListsEveryPage() throws IOException {
        for (String folder : List.of("docs", "docs/lab")) {
            Page index = Page.read(Page.ROOT.resolve(folder).resolve("README.md"));
            Set<Path> listed = new HashSet<>(List.of(index.file));
            index.targets.forEach(target -> listed.add(index.file.resolveSibling(target.replaceFirst("#.*", ""))
                    .normalize()));
            try (Stream<Path> files = Files.list(index.file.getParent())) {
                assertEquals(List.of(),
                        files.filter(file -> file.toString().endsWith(".md") && !listed.contains(file)).toList());
            }
            assertTrue(listed.size() > 10, "pages: " + listed);
        }
    }

    @Test
    void everyCommandIsThere() throws IOException {
        List<String> missing = new ArrayList<>();
        int commands = 0;
        for (Page page : Page.all()) {
            for (String code : code(page)) {
                for (String command : all(COMMAND, code)) {
                    commands++;
                    if (!Files.isExecutable(Page.ROOT.resolve(command)) && !command.endsWith("/lib.sh")) {
                        missing.add(page + ": " + command);
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(commands > 50, "commands: " + commands);
    }

    /**
     * What stands behind a command, up to "--", is an option of its script or of the program that this starts; what
     * stands behind {@code --jvm} is a JVM's.
     */
    @Test
    void everyOptionOfACommandIsThere() throws IOException {
        String programs = texts(sources());
        List<String> missing = new ArrayList<>();
        int options = 0;
        for (Page page : Page.all()) {
            for (String line : code(page).stream().flatMap(String::lines).toList()) {
                for (MatchResult command : COMMAND.matcher(line).results().toList()) {
                    String script = Files.readString(Page.ROOT.resolve(command.group()));
                    String rest = line.substring(command.end()).replaceFirst(" -- .*|[#|&;].*", "")
                            .replaceAll("--jvm[ =]\\S+", "--jvm");
                    for (String option : all(OPTION, rest)) {
                        options++;
                        if (!script.contains(option) && programs.indexOf('"' + option + '"') < 0) {
                            missing.add(page + ": " + command.group() + " " + option);
                        }
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(options > 10, "options: " + options);
    }

    /** Folders and files of the sources, not those that a build makes, or that stand for any of a kind. */
    @Test
    void everyFileIsThere() throws IOException {
        List<String> missing = new ArrayList<>();
        Set<String> made = Set.of("docs/lab/fault-matrix.md", "core/src/main/native/rseq4j_MACHINE.h");
        for (Page page : Page.all()) {
            for (String code : code(page)) {
                for (String path : all(PATH, code)) {
                    if (!path.contains("/target") && !made.contains(path) && !Files.exists(Page.ROOT.resolve(path))) {
                        missing.add(page + ": " + path);
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void everyClassIsThere() throws IOException {
        Set<String> names = new HashSet<>();
        for (Path file : sources()) {
            names.add(file.getFileName().toString().replaceFirst("\\.java$", ""));
        }
        List<String> missing = new ArrayList<>();
        for (Page page : Page.all()) {
            for (String code : code(page)) {
                Stream.concat(all(CLASS, code).stream().map(name -> name.substring(name.lastIndexOf('.') + 1)),
                        all(TEST, code).stream()).filter(name -> !names.contains(name) && !events().contains(name))
                        .forEach(name -> missing.add(page + ": " + name));
            }
        }
        assertEquals(List.of(), missing);
    }

    /** Names of the Flight Recorder's events, which look like classes. */
    private static Set<String> events() {
        return Set.of("Section", "Status", "LockWait", "PoolAcquire", "ThreadWithoutArea");
    }

    @Test
    void everyPropertyIsReadSomewhere() throws IOException {
        String sources = texts(sources());
        List<String> missing = new ArrayList<>();
        for (Page page : Page.all()) {
            for (String code : code(page)) {
                for (MatchResult property : PROPERTY.matcher(code).results().toList()) {
                    String name = property.group(1);
                    if (!name.equals("rseq4j.repository") && sources.indexOf('"' + name + '"') < 0) {
                        missing.add(page + ": " + name);
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void everyBlockSaysItsLanguage() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (Page page : Page.all()) {
            if (FENCE.matcher(Files.readString(page.file)).results().count() % 2 != 0) {
                wrong.add(page + ": a block is not closed");
            }
            for (Page.Block block : page.blocks) {
                if (!Set.of("", "java", "xml", "diff").contains(block.language())) {
                    wrong.add(page + ": " + block.language());
                }
                if (block.language().isEmpty() && block.text().contains("import org.rseq4j")) {
                    wrong.add(page + ": Java that does not say so\n" + block.text());
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void everyXmlBlockIsWellFormed() throws Exception {
        int blocks = 0;
        for (Page page : Page.all()) {
            for (Page.Block block : page.blocks) {
                if (block.language().equals("xml")) {
                    DocumentBuilderFactory.newInstance().newDocumentBuilder()
                            .parse(new InputSource(new StringReader(block.text())));
                    blocks++;
                }
            }
        }
        assertTrue(blocks >= 2, "blocks found: " + blocks);
    }

    /** The version in the examples is that of the POM. */
    @Test
    void everyExampleNamesThisVersion() throws IOException {
        String version = version(Page.ROOT.resolve("pom.xml"), "rseq4j-parent</artifactId>\\s*<version>([^<]+)<");
        assertEquals(version, version(Page.ROOT.resolve("docs/sample/pom.xml"), "<rseq4j.version>([^<]+)<"));
        List<String> wrong = new ArrayList<>();
        for (Page page : Page.all()) {
            for (String code : code(page)) {
                Pattern.compile(
                        "rseq4j-(?:core|structures|measure)(?:-|</artifactId>\\s*<version>)(\\d[\\w.]*?)(?:\\.jar|<)")
                        .matcher(code).results().filter(match -> !match.group(1).equals(version))
                        .forEach(match -> wrong.add(page + ": " + match.group()));
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(Files.readString(Page.ROOT.resolve("CHANGELOG.md")).contains("\n## " + version),
                "no part of CHANGELOG.md on " + version);
    }

    /** Public types of the exported packages, nested ones included. */
    @Test
    void everyPublicTypeSaysSinceWhen() throws IOException {
        Pattern type = Pattern.compile("(?m)^ *public (?:static |final |sealed |abstract |non-sealed )*"
                + "(?:class|interface|enum|record|@interface) (\\w+)");
        List<String> missing = new ArrayList<>();
        int types = 0;
        for (String module : List.of("core", "structures")) {
            try (Stream<Path> files = Files.walk(Page.ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file : files.filter(path -> path.toString().endsWith(".java")
                        && !path.toString().contains("/internal/")).toList()) {
                    String text = Files.readString(file);
                    if (file.toString().endsWith("-info.java") && !text.contains("@since ")) {
                        missing.add(file.getFileName().toString());
                    }
                    for (MatchResult match : type.matcher(text).results().toList()) {
                        types++;
                        int comment = text.lastIndexOf("/**", match.start());
                        if (comment < 0 || !text.substring(comment, match.start()).contains("@since ")) {
                            missing.add(file.getFileName() + ": " + match.group(1));
                        }
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(types > 20, "types: " + types);
    }

    private static String version(Path pom, String regex) throws IOException {
        return Pattern.compile(regex).matcher(Files.readString(pom)).results().findFirst().orElseThrow().group(1);
    }

    /** The code within sentences and the blocks. */
    private static List<String> code(Page page) {
        return Stream.concat(page.code.stream(), page.blocks.stream().map(Page.Block::text)).toList();
    }

    private static List<String> all(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(MatchResult::group).toList();
    }

    private static String texts(List<Path> files) throws IOException {
        StringBuilder all = new StringBuilder();
        for (Path file : files) {
            all.append(Files.readString(file));
        }
        return all.toString();
    }

    private static List<Path> sources() throws IOException {
        List<Path> all = new ArrayList<>();
        for (String module : List.of("core", "structures", "measure", "benchmarks", "jcstress-tests",
                "integration-tests",
                "docs")) {
            for (String folder : List.of("src", "sample/src")) {
                Path sources = Page.ROOT.resolve(module).resolve(folder);
                if (Files.isDirectory(sources)) {
                    try (Stream<Path> files = Files.walk(sources)) {
                        files.filter(file -> file.toString().endsWith(".java")).forEach(all::add);
                    }
                }
            }
        }
        return all;
    }
}
