#include "native/rips/cohomology.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr size_t kParallelMin = 4096;  // fewer simplices are listed faster than threads start

struct LaterOnTop {
  bool operator()(const Simplex& a, const Simplex& b) const { return enters_before(b, a); }
};

void push(std::vector<Simplex>& heap, const Simplex& simplex) {
  heap.push_back(simplex);
  std::push_heap(heap.begin(), heap.end(), LaterOnTop());
}

// Sum of the coefficients of the top simplex, which leaves the heap; zeros are passed over.
bool pop_sum(std::vector<Simplex>& heap, uint32_t modulus, Simplex& top) {
  while (!heap.empty()) {
    top = heap.front();
    uint32_t sum = 0;
    while (!heap.empty() && heap.front().index == top.index) {
      sum = (sum + heap.front().coefficient) % modulus;
      std::pop_heap(heap.begin(), heap.end(), LaterOnTop());
      heap.pop_back();
    }
    top.coefficient = sum;
    if (sum != 0) return true;
  }
  return false;
}

size_t find_root(std::vector<uint32_t>& parent, size_t v) {
  while (parent[v] != v) v = parent[v] = parent[parent[v]];
  return v;
}

}  // namespace

Cohomology::Cohomology(const FlagComplex& complex, const BatchOptions& options, BatchResult& result)
    : complex_(complex), options_(options), result_(result), inverse_(options.modulus, 1) {
  const uint32_t p = options.modulus;
  for (uint32_t a = 2; a < p; ++a) inverse_[a] = p - times(p / a, inverse_[p % a]);
}

Status Cohomology::run(const std::vector<Simplex>& edges) {
  if (options_.progress != nullptr) options_.progress->dimension = 0;
  if (const Status status = reduce_vertices(edges); status != Status::kOk) return status;
  for (int dimension = 1; dimension <= options_.max_dimension; ++dimension) {
    const size_t vertex_count = static_cast<size_t>(dimension) + 1;
    if (options_.progress != nullptr) {
      options_.progress->columns = 0;
      options_.progress->columns_done = 0;
      options_.progress->dimension = dimension;
    }
    if (dimension == 1) simplices_ = edges;
    if (const Status status = list_columns(vertex_count); status != Status::kOk) return status;
    if (const Status status = reduce_columns(vertex_count); status != Status::kOk) return status;
  }
  return Status::kOk;
}

// H0: the elder rule along the edges in their order. Merging edges are the pivots to clear in dimension 1.
Status Cohomology::reduce_vertices(const std::vector<Simplex>& edges) {
  std::vector<uint32_t> parent(complex_.size());
  std::iota(parent.begin(), parent.end(), 0U);
  std::vector<bool> dies(complex_.size(), false);
  const auto append = [&](uint32_t vertex, double death, const uint32_t* ends) {
    BatchPair pair{0, 0, death, result_.vertices.size(), result_.vertices.size() + 1, 0, 0, 0};
    result_.vertices.push_back(vertex);
    if (ends != nullptr) result_.vertices.insert(result_.vertices.end(), ends, ends + 2);
    result_.pairs.push_back(pair);
  };
  for (const Simplex& edge : edges) {
    uint32_t ends[2];
    complex_.indexer().vertices_of(edge.index, 2, ends);
    const size_t a = find_root(parent, ends[0]), b = find_root(parent, ends[1]);
    if (a == b) continue;
    const uint32_t younger = static_cast<uint32_t>(std::max(a, b));
    parent[younger] = static_cast<uint32_t>(std::min(a, b));
    dies[younger] = true;
    pivots_.insert(edge.index, {0, 1});
    if (edge.diameter > 0) append(younger, static_cast<double>(edge.diameter), ends);
  }
  for (size_t v = 0; v < complex_.size(); ++v) {
    if (!dies[v]) append(static_cast<uint32_t>(v), std::numeric_limits<double>::infinity(), nullptr);
  }
  return cancelled() ? Status::kCancelled : Status::kOk;
}

// From the simplices of one dimension less to those of this one, and the columns among them that need
// reduction.
Status Cohomology::list_columns(size_t vertex_count) {
  std::swap(cleared_, pivots_);
  pivots_ = PivotTable();
  columns_.clear();
  v_.clear();
  const bool expand = vertex_count > 2;                                        // the edges are given
  const bool keep = static_cast<int>(vertex_count) <= options_.max_dimension;  // needed one dimension up
  const size_t count = simplices_.size();
  const size_t threads = std::clamp<size_t>(options_.threads, 1, count / kParallelMin + 1);
  std::vector<std::vector<Simplex>> next(threads), latest(threads);
  std::atomic<bool> stopped{false}, full{false};
  const auto work = [&](size_t thread) {
    const size_t begin = count * thread / threads, end = count * (thread + 1) / threads;
    const auto consider = [&](const Simplex& simplex) {
      if (keep && expand) next[thread].push_back(simplex);
      if (cleared_.find(simplex.index) || complex_.apparent_cofacet(simplex, vertex_count)) return true;
      if (expand && complex_.apparent_facet(simplex, vertex_count)) return true;
      latest[thread].push_back(simplex);
      return true;
    };
    try {
      for (size_t s = begin; s < end && !stopped && !full; ++s) {
        if (expand) {
          complex_.cofacets<true>({simplices_[s].diameter, 1, simplices_[s].index}, vertex_count - 1,
                                  [&](Simplex simplex) {
                                    simplex.coefficient = 1;
                                    return consider(simplex);
                                  });
        } else {
          consider(simplices_[s]);
        }
        if (s % 64 == 0) {
          if (cancelled()) stopped = true;
          const uint64_t mine = (next[thread].capacity() + latest[thread].capacity()) * sizeof(Simplex);
          if (bytes() + mine * threads > options_.memory_max_bytes) full = true;
        }
      }
    } catch (const std::bad_alloc&) {
      full = true;
    }
  };
  std::vector<std::thread> pool;
  for (size_t thread = 1; thread < threads; ++thread) pool.emplace_back(work, thread);
  work(0);
  for (std::thread& thread : pool) thread.join();
  if (stopped) return Status::kCancelled;
  if (full) return Status::kMemoryLimit;

  if (expand) {
    simplices_.clear();
    if (!keep) simplices_.shrink_to_fit();
    for (const std::vector<Simplex>& part : next)
      simplices_.insert(simplices_.end(), part.begin(), part.end());
  }
  for (const std::vector<Simplex>& part : latest) {
    for (const Simplex& simplex : part) columns_.push_back({simplex});
  }
  std::sort(columns_.begin(), columns_.end(),
            [](const Column& a, const Column& b) { return enters_before(b.simplex, a.simplex); });
  return Status::kOk;
}

Status Cohomology::reduce_columns(size_t vertex_count) {
  if (options_.progress != nullptr) options_.progress->columns = columns_.size();
  for (size_t at = 0; at < columns_.size(); ++at) {
    if (cancelled()) return Status::kCancelled;
    if (bytes() > options_.memory_max_bytes) return Status::kMemoryLimit;
    reduce_one(at, vertex_count);
    if (options_.progress != nullptr) options_.progress->columns_done = at + 1;
  }
  return Status::kOk;
}

void Cohomology::reduce_one(size_t at, size_t vertex_count) {
  Column& column = columns_[at];
  coboundary_.clear();
  cochain_.clear();
  Simplex pivot;
  bool alive = start_column(column.simplex, vertex_count, pivot);
  while (alive) {
    if (const std::optional<PivotTable::Owner> owner = pivots_.find(pivot.index)) {
      const Column& other = columns_[owner->column];
      const uint32_t ratio = times(pivot.coefficient, inverse_[owner->coefficient]);
      const uint32_t factor = options_.modulus - ratio;
      push(coboundary_, pivot);
      add_simplex(other.simplex, vertex_count, factor);
      for (uint64_t k = other.begin; k < other.end; ++k) add_simplex(v_[k], vertex_count, factor);
    } else if (const std::optional<Simplex> facet = complex_.apparent_facet(pivot, vertex_count + 1)) {
      uint32_t leading = 0;
      complex_.cofacets<false>(*facet, vertex_count, [&](const Simplex& cofacet) {
        if (cofacet.index == pivot.index) leading = cofacet.coefficient;
        return leading == 0;
      });
      TDA_ASSERT(leading != 0);
      push(coboundary_, pivot);
      add_simplex(*facet, vertex_count, options_.modulus - times(pivot.coefficient, inverse_[leading]));
    } else {
      pivots_.insert(pivot.index, {static_cast<uint32_t>(at), pivot.coefficient});
      break;
    }
    alive = pop_pivot(pivot);
  }
  store_column(column);
  if (!alive) {
    report(column, nullptr, vertex_count);
  } else if (pivot.diameter > column.simplex.diameter) {
    report(column, &pivot, vertex_count);
  }
}

// Fills the heap with the coboundary; stops at once at an emergent pair, a first cofacet of equal diameter
// that no one owns, whose column needs no heap at all.
bool Cohomology::start_column(const Simplex& simplex, size_t vertex_count, Simplex& pivot) {
  bool look = true, emergent = false;
  complex_.cofacets<false>(simplex, vertex_count, [&](const Simplex& cofacet) {
    if (look && cofacet.diameter == simplex.diameter) {
      look = false;
      if (!pivots_.find(cofacet.index) && !complex_.apparent_facet(cofacet, vertex_count + 1)) {
        emergent = true;
        pivot = cofacet;
        return false;
      }
    }
    coboundary_.push_back(cofacet);
    return true;
  });
  if (emergent) return true;
  std::make_heap(coboundary_.begin(), coboundary_.end(), LaterOnTop());
  return pop_pivot(pivot);
}

void Cohomology::add_simplex(Simplex simplex, size_t vertex_count, uint32_t factor) {
  simplex.coefficient = times(simplex.coefficient, factor);
  push(cochain_, simplex);
  complex_.cofacets<false>(simplex, vertex_count, [&](const Simplex& cofacet) {
    push(coboundary_, cofacet);
    return true;
  });
}

bool Cohomology::pop_pivot(Simplex& pivot) { return pop_sum(coboundary_, options_.modulus, pivot); }

void Cohomology::store_column(Column& column) {
  column.begin = v_.size();
  Simplex term;
  while (pop_sum(cochain_, options_.modulus, term)) v_.push_back(term);
  column.end = v_.size();
}

void Cohomology::report(const Column& column, const Simplex* death, size_t vertex_count) {
  const SimplexIndexer& indexer = complex_.indexer();
  const auto append = [&](std::vector<uint32_t>& out, SimplexIndex index, size_t count) {
    const size_t begin = out.size();
    out.resize(begin + count);
    indexer.vertices_of(index, count, out.data() + begin);
    return begin;
  };
  BatchPair pair{};
  pair.dimension = static_cast<int>(vertex_count) - 1;
  pair.birth = static_cast<double>(column.simplex.diameter);
  pair.death =
      death == nullptr ? std::numeric_limits<double>::infinity() : static_cast<double>(death->diameter);
  pair.birth_begin = append(result_.vertices, column.simplex.index, vertex_count);
  pair.death_begin = result_.vertices.size();
  if (death != nullptr) append(result_.vertices, death->index, vertex_count + 1);
  pair.cocycle_begin = result_.coefficients.size();
  pair.cocycle_vertices_begin = result_.cocycle_vertices.size();
  if (options_.representatives) {
    result_.coefficients.push_back(column.simplex.coefficient);
    append(result_.cocycle_vertices, column.simplex.index, vertex_count);
    for (uint64_t k = column.begin; k < column.end; ++k) {
      result_.coefficients.push_back(v_[k].coefficient);
      append(result_.cocycle_vertices, v_[k].index, vertex_count);
    }
  }
  pair.cocycle_end = result_.coefficients.size();
  result_.pairs.push_back(pair);
}

uint64_t Cohomology::bytes() const {
  return (simplices_.capacity() + v_.capacity() + coboundary_.capacity() + cochain_.capacity()) *
             sizeof(Simplex) +
         columns_.capacity() * sizeof(Column) + pivots_.bytes() + cleared_.bytes() +
         (result_.vertices.capacity() + result_.coefficients.capacity() +
          result_.cocycle_vertices.capacity()) *
             sizeof(uint32_t) +
         result_.pairs.capacity() * sizeof(BatchPair);
}

}  // namespace tda::rips
