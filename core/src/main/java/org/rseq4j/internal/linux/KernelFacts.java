// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/**
 * What the kernel says of itself that decides whether extensions are requested: pure functions of its command line, its
 * release and its debug switch.
 *
 * @param commandLine of the boot, as in /proc/cmdline
 * @param release as uname(2) gives it
 * @param debugSwitch the line of debugfs {@code rseq/debug}; null when it cannot be read
 * @param debugByDefault built with CONFIG_RSEQ_DEBUG_DEFAULT_ENABLE
 */
public record KernelFacts(String commandLine, String release, String debugSwitch, boolean debugByDefault) {
    private static final Pattern RELEASE = Pattern.compile("(\\d+)\\.(\\d+)(?:\\.(\\d+))?(?:-rc(\\d+))?.*");

    /**
     * The first release of the series 7.MINOR in which a granted extension locks no CPU up; the candidate is 0 where no
     * candidate of that release is known to lack it.
     */
    record Fix(int minor, int patch, int candidate, String source) {
    }

    /** No release of a series has it. */
    static final int NEVER = Integer.MAX_VALUE;

    /**
     * "rseq: Prevent hard lockup on granted time slice extension", commit ada54c2ba652 of 10 August 2026. The extension
     * came with 7.0; a later series that is not here has always had the fix. A distribution's kernel may have it
     * earlier, which its release does not say.
     */
    static final List<Fix> FIXES = List.of(
            new Fix(0, NEVER, 0, "the series ended with 7.0.14, in July 2026"),
            new Fix(1, 11, 0, "commit 8bbf4405050b in the list of 7.1.11-rc1, linux-stable-rc, 24 August 2026"),
            new Fix(2, 0, 8, "the push to the tip tree's core/urgent, 10 August 2026, after 7.2-rc7"));

    /** A parameter of the command line; the value is null when there is none. */
    record Parameter(String name, String value) {
    }

    public static KernelFacts ofThisMachine() {
        String line = firstLine(Path.of("/proc/cmdline"));
        return new KernelFacts(line == null ? "" : line, System.getProperty("os.version", ""),
                firstLine(Path.of("/sys/kernel/debug/rseq/debug")),
                configuredWith("CONFIG_RSEQ_DEBUG_DEFAULT_ENABLE=y"));
    }

    /**
     * With rseq debugging the kernel kills a thread that enters it with a request still set, after an earlier grant
     * was revoked; a JVM enters the kernel when it wants. The switch tells the present state, where it can be read;
     * else the last valid parameter decides (rseq_setup_debug in kernel/rseq.c), else how the kernel was built.
     */
    public boolean debugsRseq() {
        Boolean now = debugSwitch == null ? null : booleanValue(debugSwitch.trim());
        boolean debugs = now != null ? now : debugByDefault;
        if (now == null) {
            for (Boolean value : booleans("rseq_debug")) {
                debugs = value;
            }
        }
        return debugs;
    }

    /** Off once is off: no later parameter switches the extension on again (rseq_slice_cmdline in kernel/rseq.c). */
    public boolean sliceExtensionIsOffAtBoot() {
        return booleans("rseq_slice_ext").contains(false);
    }

    /** Whether a granted extension may lock a CPU up for good: {@link #FIXES}. */
    public boolean mayLockUp() {
        Matcher parts = RELEASE.matcher(release);
        if (!parts.matches() || !parts.group(1).equals("7")) {
            return false;
        }
        int minor = number(parts.group(2));
        int patch = parts.group(3) == null ? 0 : number(parts.group(3));
        int candidate = parts.group(4) == null ? Integer.MAX_VALUE : number(parts.group(4));
        for (Fix fix : FIXES) {
            if (fix.minor == minor) {
                return patch < fix.patch || patch == fix.patch && candidate < fix.candidate;
            }
        }
        return false;
    }

    private static int number(String digits) {
        return digits.length() > 9 ? Integer.MAX_VALUE : Integer.parseInt(digits);
    }

    /**
     * The valid values of a parameter, in their order. In names - and _ are the same, as in parameqn of
     * kernel/params.c.
     */
    private List<Boolean> booleans(String name) {
        List<Boolean> values = new ArrayList<>();
        for (Parameter parameter : parameters(commandLine)) {
            Boolean value = parameter.value == null ? null : booleanValue(parameter.value);
            if (value != null && parameter.name.replace('-', '_').equals(name)) {
                values.add(value);
            }
        }
        return values;
    }

    /** As kstrtobool of lib/kstrtox.c: the first letter decides, after an o the second one; null when it is invalid. */
    static Boolean booleanValue(String text) {
        char first = text.isEmpty() ? ' ' : Character.toLowerCase(text.charAt(0));
        char second = text.length() < 2 ? ' ' : Character.toLowerCase(text.charAt(1));
        return switch (first) {
            case 'e', 'y', 't', '1' -> true;
            case 'd', 'n', 'f', '0' -> false;
            case 'o' -> second == 'n' ? Boolean.TRUE : second == 'f' ? Boolean.FALSE : null;
            default -> null;
        };
    }

    /** As next_arg of lib/cmdline.c: spaces part parameters, but not inside of quotes; what is behind -- is init's. */
    static List<Parameter> parameters(String line) {
        List<Parameter> found = new ArrayList<>();
        int at = skipSpaces(line, 0);
        while (at < line.length()) {
            boolean quoted = line.charAt(at) == '"';
            int start = quoted ? at + 1 : at;
            int equals = start;
            boolean inQuotes = quoted;
            int end = start;
            for (; end < line.length() && (inQuotes || !isSpace(line.charAt(end))); end++) {
                if (equals == start && line.charAt(end) == '=') {
                    equals = end;
                }
                inQuotes ^= line.charAt(end) == '"';
            }
            Parameter parameter = parameter(line.substring(start, end), equals - start, quoted);
            if (parameter.value == null && parameter.name.equals("--")) {
                break;
            }
            found.add(parameter);
            at = skipSpaces(line, end);
        }
        return found;
    }

    private static Parameter parameter(String text, int equals, boolean quoted) {
        boolean valueQuoted = equals > 0 && text.startsWith("\"", equals + 1);
        int end = (quoted || valueQuoted) && text.endsWith("\"") ? text.length() - 1 : text.length();
        if (equals == 0) {
            return new Parameter(text.substring(0, end), null);
        }
        int start = equals + (valueQuoted ? 2 : 1);
        return new Parameter(text.substring(0, equals), text.substring(start, Math.max(start, end)));
    }

    private static int skipSpaces(String line, int from) {
        int at = from;
        while (at < line.length() && isSpace(line.charAt(at))) {
            at++;
        }
        return at;
    }

    private static boolean isSpace(char c) {
        return c == ' ' || c >= 9 && c <= 13;
    }

    private static boolean configuredWith(String line) {
        try {
            Path packed = Path.of("/proc/config.gz");
            if (Files.isReadable(packed)) {
                try (InputStream in = new GZIPInputStream(Files.newInputStream(packed));
                        var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                    return reader.lines().anyMatch(line::equals);
                }
            }
            Path plain = Path.of("/boot/config-" + System.getProperty("os.version"));
            if (Files.isReadable(plain)) {
                try (var lines = Files.lines(plain, StandardCharsets.UTF_8)) {
                    return lines.anyMatch(line::equals);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            return false; // unreadable is as good as absent
        }
        return false;
    }

    /** The first line of a file; null when it cannot be read. */
    public static String firstLine(Path file) {
        try (var reader = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            return reader.readLine();
        } catch (IOException | UncheckedIOException e) {
            return null;
        }
    }
}
