// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The guide is for people who use the library: short pages without tables of results. What was measured is in docs/lab.
 * That each page is in an index is {@link PagesTest}'s.
 */
class GuideTest {
    private static final int MOST_LINES_OF_README = 150;
    private static final int MOST_LINES_OF_A_STRUCTURE = 90;
    private static final int MOST_LINES_OF_COST = 3;
    private static final int MOST_ROWS_OF_RESULTS = 3;
    /** A minute, or little more. */
    private static final int MOST_WORDS_OF_A_CLASS_COMMENT = 335;

    private static final List<String> STRUCTURES = List.of("PerCpuCounter", "PerCpuSummary", "PerCpuHistogram",
            "CounterFile", "PerCpuPool", "PerCpuBufferPool", "SliceMpmcArrayQueue", "SliceMpmcUnboundedQueue",
            "SliceBlockingQueue", "PerCpuQueue", "SliceLock", "PerCpuReadWriteLock", "SliceExtension", "PerCpuMemory",
            "RestartableSequences");

    /** The comment of a public type that stands in a file of its own name. */
    private static final Pattern CLASS_COMMENT = Pattern.compile(
            "\\n/\\*\\*((?:(?!\\*/).)*)\\*/\\s*(?:@[^\\n]*\\n)*public (?:final |abstract )*"
                    + "(?:class|record|interface) (\\w+)",
            Pattern.DOTALL);

    /** A cell that is a measured value: "12.4", "12.4 (3 to 5)", "1,000 us". */
    private static final Pattern RESULT = Pattern.compile("-?\\d[\\d.,]*( ?(ns|us|ms|%|times))?( \\(.*\\))?");

    /** A page of a structure has a type's name in its heading. */
    private static final Pattern STRUCTURE = Pattern.compile("\\b(?:PerCpu|Slice|Restartable|Counter)[A-Z]\\w+");

    /** The voice of somebody who reports on a task, and phrases that do not read as English. */
    private static final List<Pattern> NOT_IN_THE_GUIDE = Stream
            .of("\\basked \\d", "aimed at", "\\bmissed\\b", "the day before", "not been run yet", "\\bnewest\\b",
                    "earlier run", "quarrel", "\\bWho has no\\b", "\\bthe old one is told\\b",
                    "may call the factory though",
                    "\\bWhoever\\b", "\\| reached\\b", "loop that is not in this tree")
            .map(Pattern::compile).toList();

    @Test
    void theReadmeIsShort() throws IOException {
        long lines = lines(Page.ROOT.resolve("README.md"));
        assertTrue(lines <= MOST_LINES_OF_README, "lines of README.md: " + lines);
    }

    @Test
    void everyPageOfAStructureIsShortAndHasTheSameParts() throws IOException {
        List<String> wrong = new ArrayList<>();
        int pages = 0;
        for (Path file : guide()) {
            String text = Files.readString(file);
            if (!STRUCTURE.matcher(text.lines().findFirst().orElse("")).find()) {
                continue;
            }
            pages++;
            if (lines(file) > MOST_LINES_OF_A_STRUCTURE) {
                wrong.add(file.getFileName() + ": " + lines(file) + " lines");
            }
            for (String part : List.of("When to use it, and when not", "Example", "Guarantees and happens-before",
                    "Limits",
                    "Cost", "Metrics and events")) {
                if (text.lines().noneMatch(line -> line.equals("## " + part))) {
                    wrong.add(file.getFileName() + " has no part \"" + part + "\"");
                }
            }
            long cost = linesOf(text, "Cost");
            if (cost > MOST_LINES_OF_COST) {
                wrong.add(file.getFileName() + ": " + cost + " lines of cost; the laboratory is for the rest");
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(pages >= 10, "pages of structures: " + pages);
    }

    private static long linesOf(String text, String part) {
        return text.lines().dropWhile(line -> !line.equals("## " + part)).skip(1)
                .takeWhile(line -> !line.startsWith("## ")).filter(line -> !line.isBlank()).count();
    }

    @Test
    void everyStructureHasAPage() throws IOException {
        Set<String> headings = new TreeSet<>();
        for (Path file : guide()) {
            STRUCTURE.matcher(Files.readAllLines(file).getFirst()).results().map(MatchResult::group)
                    .forEach(headings::add);
        }
        for (String type : STRUCTURES) {
            assertTrue(headings.contains(type), "no page of " + type + " among " + headings);
        }
    }

    @Test
    void noPageOfTheGuideHasATableOfResults() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (Path file : guide()) {
            long rows = Files.readAllLines(file).stream().filter(GuideTest::isResult).count();
            if (rows > MOST_ROWS_OF_RESULTS) {
                wrong.add(file.getFileName() + ": " + rows + " rows of results");
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void aRowOfResultsIsSeen() {
        assertTrue(isResult("| PerCpuCounter | 234 (171 to 302) | 457 | 468 us |"));
        assertFalse(isResult("| 28 | slice_ctrl.request | u8 | user sets 1 |"));
        assertFalse(isResult("| `fair()` | in order of arrival |"));
        assertFalse(isResult("It made 234 and 457."));
    }

    /** Two cells or more are measured values. */
    private static boolean isResult(String line) {
        return line.startsWith("|") && Arrays.stream(line.split("\\|"))
                .filter(cell -> RESULT.matcher(cell.strip()).matches()).count() >= 2;
    }

    @Test
    void theGuideIsWrittenForItsReaders() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : guide()) {
            String text = Files.readString(file).lines().collect(Collectors.joining(" "));
            for (Pattern phrase : NOT_IN_THE_GUIDE) {
                phrase.matcher(text).results().forEach(match -> found.add(file.getFileName() + ": "
                        + text.substring(Math.max(0, match.start() - 30), Math.min(text.length(), match.end() + 30))));
            }
        }
        assertEquals(List.of(), found);
    }

    /** The laboratory and Javadoc have their own matters, and plain English as well. */
    @Test
    void neitherTheLaboratoryNorJavadocSpeakInRiddles() throws IOException {
        Pattern riddle = Pattern.compile("quarrel|the old one is told|\\bWho has no\\b|call the factory though|aimed at"
                + "|the day before|not been run yet|not in (?:this|the) tree|outside of the tree|\\bnewest(?::|,| run)"
                + "|\\*\\*Newest|\\| asked \\||Asked for were|hoped for");
        List<String> found = new ArrayList<>();
        for (String folder : List.of("docs/lab", "core/src/main", "structures/src/main")) {
            try (Stream<Path> files = Files.walk(Page.ROOT.resolve(folder))) {
                for (Path file : files.filter(path -> path.toString().matches(".*\\.(md|java)")).toList()) {
                    riddle.matcher(Files.readString(file)).results()
                            .forEach(match -> found.add(file.getFileName() + ": " + match.group()));
                }
            }
        }
        assertEquals(List.of(), found);
    }

    /** What came of each target is generated, so that no other page can differ from it. */
    @Test
    void onlyTheGeneratedPageHasATableOfTargets() throws IOException {
        List<String> tables = new ArrayList<>();
        try (Stream<Path> files = Files.list(Page.ROOT.resolve("docs/lab"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".md")).toList()) {
                if (Files.readString(file).contains("\n| target |")) {
                    tables.add(file.getFileName().toString());
                }
            }
        }
        assertEquals(List.of("results.md"), tables);
    }

    /** What a type is, promises and costs; the design stands in its body. */
    @Test
    void theCommentOfAPublicTypeTakesAMinuteAndSaysWhatHappensBeforeWhat() throws IOException {
        List<String> wrong = new ArrayList<>();
        int comments = 0;
        for (String folder : List.of("core/src/main/java", "structures/src/main/java")) {
            try (Stream<Path> files = Files.walk(Page.ROOT.resolve(folder))) {
                for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    for (MatchResult comment : CLASS_COMMENT.matcher(Files.readString(file)).results().toList()) {
                        comments++;
                        long words = words(comment.group(1));
                        if (words > MOST_WORDS_OF_A_CLASS_COMMENT) {
                            wrong.add(comment.group(2) + ": " + words + " words");
                        }
                        if (STRUCTURES.contains(comment.group(2)) && !comment.group(1).contains("appens-before")) {
                            wrong.add(comment.group(2) + " does not say what happens before what");
                        }
                    }
                }
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(comments >= 30, "comments found: " + comments);
    }

    private static long words(String comment) {
        String text = comment.replaceAll("(?s)@(param|since).*", "").replaceAll("\\{@\\w+|\\}|<[^>]+>|\\*", " ");
        return Stream.of(text.split("\\s+")).filter(word -> !word.isEmpty()).count();
    }

    /** README.md and the pages of docs, without the laboratory. */
    private static List<Path> guide() throws IOException {
        try (Stream<Path> files = Files.list(Page.ROOT.resolve("docs"))) {
            return Stream.concat(Stream.of(Page.ROOT.resolve("README.md")),
                    files.filter(file -> file.toString().endsWith(".md")))
                    .sorted().toList();
        }
    }

    private static long lines(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        }
    }
}
