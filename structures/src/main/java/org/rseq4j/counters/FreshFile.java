// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.rseq4j.internal.memory.OwnerOnly;

/**
 * A file that has a name of its own while it is made, and is then given its real one. Its maker has it locked, which
 * ends with the process: one that nobody has locked was left by a process that was killed.
 *
 * <p>
 * The lock is a hint. It comes a moment after the file, a file system may have none, and a process loses it when a copy
 * of this class in another class loader looks for what was left. So a maker may find its file gone in the end.
 */
final class FreshFile {
    private static final String PREFIX = ".counters";
    private static final String SUFFIX = ".new";

    private FreshFile() {
    }

    /** Makes an empty one, after it has removed what others left there. */
    static Path make(Path target) throws IOException {
        Path directory = target.getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new IOException(target + ": there is no directory " + directory);
        }
        removeLeftovers(directory);
        try {
            return Files.createTempFile(directory, PREFIX, SUFFIX, OwnerOnly.attributes(directory));
        } catch (IOException e) {
            throw new IOException(target + ": no file can be made in " + directory + ": " + e, e);
        }
    }

    /** Until the channel is closed; false when somebody else has it, or where there are no locks. */
    static boolean lock(FileChannel channel) {
        try {
            return channel.tryLock() != null;
        } catch (IOException | OverlappingFileLockException e) {
            return false;
        }
    }

    private static void removeLeftovers(Path directory) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
            for (Path file : files) {
                removeIfLeft(file);
            }
        } catch (IOException | DirectoryIteratorException e) {
            return; // it stays
        }
    }

    private static void removeIfLeft(Path file) {
        try (FileChannel channel = FileChannel.open(file,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS))) {
            if (lock(channel)) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            return; // it is somebody else's, or gone
        }
    }
}
